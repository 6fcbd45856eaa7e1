"""jugex: differential gene expression between two brain regions (JuGEx, Bludau et al. 2018)."""

import lazy_loader

# what `__init__.pyi` lists is imported where it is first used (Scientific Python's SPEC 1): a command, or a worker of
# a scan, reads what it needs; with EAGER_IMPORT=1 in the environment all is imported at once
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
