"""Models: networks, what fine-tuning may change, and trained ones that stand alone.

contract
    what a network must offer.
sizes
    the networks by name, their sizes and parts; without PyTorch.
networks
    the same names with the networks themselves:
alignn, cgcnn, reference
    ALIGNN and CGCNN in plain PyTorch, to be read beside their papers; alignn's own code on DGL.
kernels
    the few operations that take the time: plain, and fused for CPU and GPU.
heads
    output networks.
strategies, transfer
    what fine-tuning may change, and how it is carried out.
tensors, weights
    tensors in safetensors files; weights from files of others.
saved
    a trained network with all that prediction needs.
"""
