#!/usr/bin/env node
import "../dist/drop-in/dib-run-parts.js";
