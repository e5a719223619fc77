/** The sdk's own version, for the check at load. A test holds it equal to package.json. */
export const SDK_VERSION = "0.1.0";
