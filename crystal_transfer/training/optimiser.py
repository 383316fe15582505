"""AdamW of PyTorch, without its compiler."""

import inspect

import torch

# here, since PyTorch wraps the method of a class once more when it makes the first object of it
_step = inspect.unwrap(torch.optim.AdamW.step)


class AdamW(torch.optim.AdamW):
    """Equal to PyTorch's to the bit, in processes that start sooner.

    PyTorch wraps the methods of its optimisers so that its compiler leaves them alone, and the
    wrappers import the compiler: 1.5 s, longer than many a training of a grid. Nothing is compiled
    here, so that the methods do the same without them.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take one step down the gradients of the parameters."""
        _step(self)
