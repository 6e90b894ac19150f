/** The SDK's version, as LBS and the login show it; the same as in package.json (a test compares them). */
export const version = "web-0.1.0";
