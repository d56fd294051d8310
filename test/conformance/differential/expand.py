"""Expands sets of elements, one JSON list a line from stdin; answers {"elements": […]} or {"error": …, "says": …} each."""
import json
import logging
import sys

from diskimage_builder import element_dependencies

logging.disable(logging.CRITICAL)
known = element_dependencies._find_all_elements()
for line in sys.stdin:
    try:
        found = element_dependencies._expand_element_dependencies(json.loads(line), known)
        answer = {"elements": sorted(element.name for element in found)}
    except Exception as error:
        answer = {"error": type(error).__name__, "says": str(error)}
    print(json.dumps(answer))
