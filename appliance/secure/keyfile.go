package secure

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	keyFileMode = 0o600
	// keyFileForOthers are the permissions that a key file must not grant.
	keyFileForOthers = 0o077
	// maxKeyFile bounds what is read; a key takes 119 bytes.
	maxKeyFile = 4 << 10
	pemType    = "PRIVATE KEY"
)

// LoadOrCreateServerKey reads the server key of the file at path, or makes one
// when there is no such file. It is PKCS #8 in PEM (RFC 8410, section 7), as
// "openssl genpkey -algorithm X25519" writes it. A file that others may read is
// refused, and a damaged one is never replaced: clients may have its public key
// pinned.
func LoadOrCreateServerKey(path string) (*ServerKey, error) {
	key, err := loadServerKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createServerKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("secure: create server key %s: %w", path, err)
	}
	// Read it back: another process may have made the file first.
	return loadServerKey(path)
}

func loadServerKey(path string) (*ServerKey, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("secure: open server key: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("secure: read server key: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() {
		return nil, fmt.Errorf("secure: server key %s is not a regular file", path)
	} else if mode.Perm()&keyFileForOthers != 0 {
		return nil, fmt.Errorf("secure: server key %s is open to others (mode %#o): run chmod 600 on it, and replace it if it may have been copied", path, mode.Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("secure: read server key %s: %w", path, err)
	}
	private, err := parsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("secure: server key %s: %w: restore it from a backup, or remove it to get a new one, which clients that pinned the old one will refuse", path, err)
	}
	return newServerKey(private), nil
}

func parsePrivateKey(text []byte) (*ecdh.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("no PEM block of type %q", pemType)
	}
	// The parser's own errors may quote key bytes, so they are not passed on.
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a PKCS #8 private key")
	}
	private, ok := parsed.(*ecdh.PrivateKey)
	if !ok || private.Curve() != ecdh.X25519() {
		return nil, errors.New("not an X25519 key")
	}
	return private, nil
}

// createServerKey writes a new key to a file that did not exist. The content is
// on disk before the name is, so a crash leaves a whole key or none.
func createServerKey(path string) error {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	err = errors.Join(
		file.Chmod(keyFileMode),
		pem.Encode(file, &pem.Block{Type: pemType, Bytes: der}),
		file.Sync(),
		file.Close(),
	)
	if err != nil {
		return err
	}
	// Unlike a rename, a link never replaces a key made in the meantime.
	if err := os.Link(file.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
