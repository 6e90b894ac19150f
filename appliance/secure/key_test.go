package secure

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAServerKeyIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link.key")
	made, err := LoadOrCreateServerKey(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadOrCreateServerKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made.Public(), loaded.Public()) {
		t.Error("the second start has another key")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != keyFileMode {
		t.Errorf("mode %v", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files beside the key's: %v", len(entries)-1, err)
	}
}

func TestProcessesThatStartTogetherShareOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link.key")
	keys := make([]*ServerKey, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = LoadOrCreateServerKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, key := range keys[1:] {
		if !bytes.Equal(key.Public(), keys[0].Public()) {
			t.Fatal("two keys for one file")
		}
	}
}

func TestAnUnusableKeyFileIsReportedAndKept(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := pemOf(t, x)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"empty":            {"", 0o600, "no PEM block"},
		"not PEM":          {"secret", 0o600, "no PEM block"},
		"cut short":        {good[:len(good)/2], 0o600, "no PEM block"},
		"another type":     {strings.ReplaceAll(good, "PRIVATE KEY", "PUBLIC KEY"), 0o600, "no PEM block"},
		"no key inside":    {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600, "not a PKCS #8"},
		"for signing":      {pemOf(t, ec), 0o600, "not an X25519 key"},
		"on another curve": {pemOf(t, p256), 0o600, "not an X25519 key"},
		"group may read":   {good, 0o640, "chmod 600"},
		"all may read":     {good, 0o604, "chmod 600"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "link.key")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			_, err := LoadOrCreateServerKey(path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one with %q and the path", err, c.want)
			}
			if kept, err := os.ReadFile(path); err != nil || string(kept) != c.text {
				t.Errorf("the file was changed: %q, %v", kept, err)
			}
		})
	}
}

func pemOf(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
}

func TestAKeyFileThatCannotBeMadeIsReported(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "no", "such", "folder", "link.key")
	if _, err := LoadOrCreateServerKey(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("no folder: %v", err)
	}
	folder := t.TempDir()
	if _, err := LoadOrCreateServerKey(folder); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestAPublicKeySurvivesText(t *testing.T) {
	key, err := NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	text := EncodePublicKey(key.Public())
	got, err := ParsePublicKey(text + "\n")
	if err != nil || !bytes.Equal(got, key.Public()) {
		t.Fatalf("ParsePublicKey(%q) = %x, %v", text, got, err)
	}
	for _, bad := range []string{"", text[1:], text + "AA", text[:42] + "=", text[:42] + "!", strings.Repeat("/", 43)} {
		if _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("took %q", bad)
		}
	}
}

func TestPublicGivesACopy(t *testing.T) {
	key := fixedKey(t, 1)
	key.Public()[0] ^= 1
	if !bytes.Equal(key.Public(), fixedKey(t, 1).Public()) {
		t.Error("a caller changed the key")
	}
}
