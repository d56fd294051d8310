"""What Python programs of elements import of diskimage-builder. More of it is found where that is installed."""

import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)
