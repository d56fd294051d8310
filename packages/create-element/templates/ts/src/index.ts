import { defineElement } from "@dibjs/core";

export default defineElement({
  name: "{{element}}",
  setup({ addScript }) {
    // In the image, once its packages are installed: nothing that comes later needs the file.
    addScript("install", "50-{{script}}", async ({ target, env }) => {
      await target.write("/etc/{{script}}.example", `${env.DIB_{{VARIABLE}}_TEXT}\n`, { mode: 0o644 });
    });
  },
});
