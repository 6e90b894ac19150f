//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package sdk

import "os"

// lockFile opens the file at path; this system has no lock that ends with the
// process.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
