import { addServices } from "@dibjs/element-base/service-map.js";
import { expect } from "vitest";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

/** Element → service → its Debian name; elsewhere it is openstack- and the service's name, but for one. */
const elements = {
  nova: {
    "nova-api": "nova-api",
    "nova-cert": "nova-cert",
    "nova-compute": "nova-compute",
    "nova-conductor": "nova-conductor",
    "nova-consoleauth": "nova-console",
  },
  glance: { "glance-api": "glance-api" },
  cinder: { "cinder-api": "cinder-api", "cinder-scheduler": "cinder-scheduler" },
};
const others = (debian: string) => `openstack-${debian}`;

interface Row {
  readonly id: VectorId;
  readonly distro: string;
  readonly nameOf: (debian: string) => string;
}

const rows: readonly Row[] = [
  { id: "svc-map/merge-fedora", distro: "fedora", nameOf: others },
  { id: "svc-map/merge-ubuntu", distro: "ubuntu", nameOf: (debian) => debian },
];

for (const { id, distro, nameOf } of rows)
  vector(id, () => {
    const merged = new Map<string, string>();
    const expected: Record<string, string> = {};
    for (const [element, services] of Object.entries<Readonly<Record<string, string>>>(elements)) {
      const map = Object.entries(services).map(
        ([name, debian]) => [name, { debian, default: others(debian) }] as const,
      );
      addServices(merged, { element, text: JSON.stringify(Object.fromEntries(map)) }, distro);
      for (const [name, debian] of Object.entries(services)) expected[name] = nameOf(debian);
      expect(Object.fromEntries(merged)).toEqual(expected);
    }
  });
