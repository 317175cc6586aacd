/** How a base image can be had when no registry answers. */
export type StandIn =
  /** From packages, with debootstrap. */
  | { readonly kind: 'debootstrap'; readonly suite: string }
  /** From the Dockerfile in `folder` beside this file, on top of the Debian stand-in. */
  | { readonly kind: 'dockerfile'; readonly folder: string; readonly npmPackages?: NpmPackages }
  /** Not at all. */
  | { readonly kind: 'none' };

/** Packages that are unpacked into the build context, by folder name; `node` is the one with Node's own executable. */
export type NpmPackages = Readonly<Record<string, string>>;

export interface BaseImage {
  readonly name: string;
  readonly standIn: StandIn;
}

export const DEBIAN_IMAGE = 'debian:bookworm-slim';
export const GRAFANA_IMAGE = 'grafana/grafana:10.4.2';

const NODE_ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'x64';

/** Every image that the platform, its templates and its examples are built on; Debian first, since the others stand on it. */
export const BASE_IMAGES: readonly BaseImage[] = [
  { name: DEBIAN_IMAGE, standIn: { kind: 'debootstrap', suite: 'bookworm' } },
  {
    name: 'node:22-bookworm-slim',
    standIn: {
      kind: 'dockerfile',
      folder: 'node',
      npmPackages: {
        node: `node-linux-${NODE_ARCHITECTURE}@22`,
        npm: 'npm@10',
        corepack: 'corepack@0.34',
        yarn: 'yarn@1.22',
      },
    },
  },
  { name: 'python:3.11-slim-bookworm', standIn: { kind: 'dockerfile', folder: 'python' } },
  { name: 'prom/prometheus:v2.42.0', standIn: { kind: 'dockerfile', folder: 'prometheus' } },
  { name: 'prom/alertmanager:v0.25.0', standIn: { kind: 'dockerfile', folder: 'alertmanager' } },
  { name: 'nats:2.9.10', standIn: { kind: 'dockerfile', folder: 'nats' } },
  { name: GRAFANA_IMAGE, standIn: { kind: 'none' } },
];

/** The images of `registry.yml`, for whoever wants a registry in the swarm. */
export const REGISTRY_IMAGES: readonly BaseImage[] = [
  { name: 'registry:2.8.2', standIn: { kind: 'dockerfile', folder: 'registry' } },
  { name: 'haproxy:2.6.12', standIn: { kind: 'dockerfile', folder: 'haproxy' } },
];

/** What only templates are built on: made when a function wants them, not for the platform. */
export const TEMPLATE_IMAGES: readonly BaseImage[] = [
  { name: 'golang:1.23-bookworm', standIn: { kind: 'dockerfile', folder: 'golang' } },
  { name: 'rust:1-slim-bookworm', standIn: { kind: 'dockerfile', folder: 'rust' } },
  { name: 'maven:3-eclipse-temurin-17', standIn: { kind: 'dockerfile', folder: 'maven' } },
  { name: 'ruby:3.1-slim-bookworm', standIn: { kind: 'dockerfile', folder: 'ruby' } },
  { name: 'php:8.2-cli-bookworm', standIn: { kind: 'dockerfile', folder: 'php' } },
  { name: 'composer:2', standIn: { kind: 'dockerfile', folder: 'composer' } },
];

export const ALL_IMAGES: readonly BaseImage[] = [...BASE_IMAGES, ...REGISTRY_IMAGES, ...TEMPLATE_IMAGES];
