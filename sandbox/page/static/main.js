// Starts all modules.
import "./chrome.js";
import "./home.js";
import "./composer.js";
import "./pressing.js";
import "./choosing.js";
import "./shortcuts.js";
import "./files.js";
import "./story.js";
import "./clock.js";
import { listen } from "./live.js";

listen();
