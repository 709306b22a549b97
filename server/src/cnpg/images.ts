/** PostgreSQL versions and the container images that carry them. */

/** Where images come from; a site configures it. */
export interface ImageCatalogue {
  /** Version (major or minor) to image. */
  images: Readonly<Record<string, string>>;
  /** Repository for every other version: the version becomes the tag. */
  repository: string;
}

/** Oldest major that the operator accepts (its webhook, 1.30). */
const oldestMajor = 13;

/** The image for a version, or why there is none. Majors resolve to the newest minor that the site lists. */
export function resolveImage(
  version: string,
  catalogue: ImageCatalogue,
): { image: string } | { problem: string } {
  const listed = Object.hasOwn(catalogue.images, version) ? catalogue.images[version] : undefined;
  if (listed !== undefined) return { image: listed };
  const parsed = /^(\d{2})(?:\.(\d{1,2}))?$/.exec(version);
  if (!parsed || Number(parsed[1]) < oldestMajor) {
    const known = Object.keys(catalogue.images);
    const choice = known.length > 0 ? ` This server knows ${known.join(', ')}.` : '';
    return {
      problem:
        `${JSON.stringify(version)} is not a PostgreSQL version that the operator can run: give a major such as 17 or ` +
        `a minor such as 17.2, ${oldestMajor} or newer.${choice}`,
    };
  }
  const minors = Object.keys(catalogue.images)
    .filter((key) => parsed[2] === undefined && key.startsWith(`${version}.`))
    .sort((a, b) => minorOf(b) - minorOf(a));
  const newest = minors[0];
  return {
    image: (newest !== undefined && catalogue.images[newest]) || `${catalogue.repository}:${version}`,
  };
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]) || 0;
}

/** `17.2` for `ghcr.io/cloudnative-pg/postgresql:17.2-bookworm@sha256:…`; `undefined` when the tag names no version. */
export function versionOfImage(image: string | undefined): string | undefined {
  const tag = image?.split('@')[0]?.match(/:([^:/]+)$/)?.[1];
  return tag?.match(/^\d{1,2}(\.\d{1,2})?(?=$|[-.])/)?.[0];
}

/** 17 for `17.2`; `undefined` where it does not begin with a number, as a site's own name for a version may not. */
export function majorOf(version: string | undefined): number | undefined {
  const major = version?.match(/^\d{1,2}(?=$|[.-])/)?.[0];
  return major === undefined ? undefined : Number(major);
}
