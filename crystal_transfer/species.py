"""The chemical elements a model can see: those with cgcnn features, hydrogen to fermium."""

SYMBOLS = (  # noqa: SIM905 (a hundred quoted strings are no easier to read)
    "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As "
    "Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd "
    "Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am "
    "Cm Bk Cf Es Fm"
).split()  # index = atomic number; X marks an unknown species

ATOMIC_NUMBERS = {symbol: number for number, symbol in enumerate(SYMBOLS) if number}
