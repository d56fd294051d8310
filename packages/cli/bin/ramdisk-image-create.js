#!/usr/bin/env node
import "../dist/drop-in/ramdisk-image-create.js";
