import { DefaultReporter } from "vitest/node";
export default class CountReporter extends DefaultReporter {}
