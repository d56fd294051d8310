#!/usr/bin/env node
import "../dist/drop-in/diskimage-builder.js";
