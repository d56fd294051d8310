#!/usr/bin/env node
import "../dist/drop-in/disk-image-create.js";
