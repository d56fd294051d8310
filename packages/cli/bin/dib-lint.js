#!/usr/bin/env node
import "../dist/drop-in/dib-lint.js";
