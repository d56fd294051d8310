#!/usr/bin/env node
import "../dist/drop-in/dib-block-device.js";
