// Package chat is the demo chat for browsers: a small page on the web SDK that
// signs in, chats one to one and in rooms.
//
//	src/ + ../src ──build.mjs (esbuild)──▶ dist/ ──embed──▶ Files ──▶ caddymodules
//
// dist/ is checked in, so that building the node needs only Go; a test holds it
// to its sources. README.md says how to build it. The package never serves
// anything itself.
package chat

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Files are the built files, without folders. A file other than index.html has
// a hash of its content in its name, so that it never changes.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for a malformed name
	}
	return files
}
