"""How the modules of this package put their functions into moto's classes and modules."""

import sys


def extend(owner: object, **members: object) -> None:
    """Replace members of one of moto's classes or modules by what does more than they do.

    Safe to do again: the replaced member must have been remembered when the extending module was imported.
    """
    for name, member in members.items():
        setattr(owner, name, member)


def extend_everywhere(package: str, **functions: object) -> None:
    """Replace functions in every loaded module of a package, for those that import them by name."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(package):
            extend(
                module, **{name: function for name, function in functions.items() if hasattr(module, name)}
            )
