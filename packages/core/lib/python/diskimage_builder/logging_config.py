"""Logging of Python programs that elements run on the host: call setup() once, then log through `logging`."""

import json
import logging
import logging.config
import os


class DibFormatter(logging.Formatter):
    """Adds to debug lines, and to these only, where they come from."""

    def __init__(self, fmt, debug_suffix="", **rest):
        super().__init__(fmt, **rest)
        self._debug = logging.Formatter(fmt + debug_suffix, **rest)

    def format(self, record):
        if record.levelno == logging.DEBUG:
            return self._debug.format(record)
        return super().format(record)


def setup():
    """Configures logging: to standard error, debug lines too when the build is traced.

    DIB_PYTHON_LOGGING_CONFIG_FILE names a JSON file with another configuration, as logging.config.dictConfig takes it.
    """
    file = os.environ.get("DIB_PYTHON_LOGGING_CONFIG_FILE")
    if file:
        with open(file, encoding="utf-8") as text:
            logging.config.dictConfig(json.load(text))
        return
    is_traced = int(os.environ.get("DIB_DEBUG_TRACE") or 0) > 0
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "standard": {
                    "()": DibFormatter,
                    "fmt": "%(levelname)s %(name)s [-] %(message)s",
                    "debug_suffix": " %(funcName)s %(pathname)s:%(lineno)d",
                }
            },
            "handlers": {"default": {"class": "logging.StreamHandler", "formatter": "standard"}},
            "root": {"handlers": ["default"], "level": "DEBUG" if is_traced else "INFO"},
        }
    )
