"""AdamW of PyTorch, without its compiler."""

import inspect

import torch


class AdamW(torch.optim.AdamW):
    """Equal to PyTorch's to the bit, in processes that start sooner.

    What wraps the methods of PyTorch's optimisers imports its compiler, which takes 1.5 s: longer
    than many a training of a grid. It is not used here, so that the functions below the wrappers
    do the same.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take one step down the gradients of the parameters."""
        inspect.unwrap(torch.optim.AdamW.step)(self)
