#!/usr/bin/env node
import "../dist/drop-in/element-info.js";
