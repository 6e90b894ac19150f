package caddymodules

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

func loadedStorage(t *testing.T) certmagic.Storage {
	t.Helper()
	load(t, siteConfig(t.TempDir(), ""))
	return caddy.ActiveContext().Storage()
}

// TestItAnswersAsCertMagicsOwn storage, which is the reference: the same calls get
// the same answers.
func TestItAnswersAsCertMagicsOwn(t *testing.T) {
	ours, reference := loadedStorage(t), certmagic.Storage(&certmagic.FileStorage{Path: t.TempDir()})
	if err := ours.Delete(t.Context(), "pki"); err != nil { // of the internal CA
		t.Fatal(err)
	}
	show := func(result string, err error) string {
		if errors.Is(err, fs.ErrNotExist) {
			return "does not exist"
		}
		if err != nil {
			return err.Error()
		}
		return result
	}
	ask := func(what string, call func(certmagic.Storage) (string, error)) {
		t.Helper()
		got, want := show(call(ours)), show(call(reference))
		if got != want {
			t.Errorf("%s: got %q, certmagic's own says %q", what, got, want)
		}
	}
	ctx := t.Context()
	keys := []string{
		"certificates/ca-dir/a.test/a.test.crt", "certificates/ca-dir/a.test/a.test.key", "certificates/ca-dir/a.test/a.test.json",
		"certificates/ca-dir/wildcard_.b.test/wildcard_.b.test.crt", "certificates/other", "acme/ca/users/x@y.test/x.json", "last_clean.json", "ocsp/a.test-1f",
	}
	asked := append([]string{"", "certificates", "certificates/ca-dir", "certificates/ca-dir/a.test", "certificates/ca", "acme", "nothing", "ocsp"}, keys...)
	compare := func(when string) {
		t.Helper()
		for _, key := range asked {
			ask(when+": exists "+key, func(s certmagic.Storage) (string, error) { return fmt.Sprint(key != "" && s.Exists(ctx, key)), nil })
			for _, recursive := range []bool{false, true} {
				ask(fmt.Sprintf("%s: list %s %v", when, key, recursive), func(s certmagic.Storage) (string, error) {
					if info, err := s.Stat(ctx, key); err == nil && info.IsTerminal {
						return "", nil // the reference lists nothing in a file, ours does not know such a folder
					}
					found, err := s.List(ctx, key, recursive)
					slices.Sort(found)
					return strings.Join(found, " "), err
				})
			}
			if key == "" {
				continue
			}
			ask(when+": stat "+key, func(s certmagic.Storage) (string, error) {
				info, err := s.Stat(ctx, key)
				if !info.IsTerminal {
					info.Size = 0 // of a folder on a disk
				} else if time.Since(info.Modified).Abs() > time.Hour {
					t.Errorf("%s was modified at %v", key, info.Modified)
				}
				return fmt.Sprint(info.Key, info.Size, info.IsTerminal), err
			})
			if slices.Contains(keys, key) || key == "nothing" {
				ask(when+": load "+key, func(s certmagic.Storage) (string, error) {
					value, err := s.Load(ctx, key)
					return string(value), err
				})
			}
		}
	}
	change := func(what string, call func(certmagic.Storage) error) {
		t.Helper()
		ask(what, func(s certmagic.Storage) (string, error) { return "", call(s) })
	}
	for i, key := range keys {
		change("store "+key, func(s certmagic.Storage) error { return s.Store(ctx, key, []byte(strings.Repeat("v", i))) })
	}
	compare("stored")
	change("store again", func(s certmagic.Storage) error { return s.Store(ctx, keys[0], []byte("renewed")) })
	compare("renewed")
	change("delete a file", func(s certmagic.Storage) error { return s.Delete(ctx, "last_clean.json") })
	change("delete a folder", func(s certmagic.Storage) error { return s.Delete(ctx, "certificates/ca-dir/a.test") })
	change("delete what is not there", func(s certmagic.Storage) error { return s.Delete(ctx, "certificates/ca-dir/a.test") })
	compare("deleted")
}

// TestLockersTakeTurns: certmagic relies on one holder at a time.
func TestLockersTakeTurns(t *testing.T) {
	storage := loadedStorage(t)
	var (
		work   sync.WaitGroup
		shared int // guarded by the lock, which the race detector watches
	)
	for range 8 {
		work.Go(func() {
			for range 5 {
				if err := storage.Lock(t.Context(), "issue_cert_a.test"); err != nil {
					t.Error(err)
					return
				}
				shared++
				if err := storage.Unlock(t.Context(), "issue_cert_a.test"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if shared != 40 {
		t.Errorf("%d turns", shared)
	}
	tryer, renewer := storage.(certmagic.TryLocker), storage.(certmagic.LockLeaseRenewer)
	if err := storage.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if got, err := tryer.TryLock(t.Context(), "x"); err != nil || got {
		t.Errorf("a second lock: %v %v", got, err)
	}
	if err := renewer.RenewLockLease(t.Context(), "x", time.Minute); err != nil {
		t.Error(err)
	}
	if err := storage.Unlock(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	if got, err := tryer.TryLock(t.Context(), "x"); err != nil || !got {
		t.Errorf("an unlocked lock: %v %v", got, err)
	}
}

// TestALockSurvivesAReload: what the old configuration has locked, certmagic
// unlocks through the old configuration's storage, after its cleanup.
func TestALockSurvivesAReload(t *testing.T) {
	dir := t.TempDir()
	load(t, siteConfig(dir, ""))
	old := caddy.ActiveContext().Storage()
	if err := old.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	load(t, siteConfig(dir, ""))
	tryer := caddy.ActiveContext().Storage().(certmagic.TryLocker)
	if got, err := tryer.TryLock(t.Context(), "x"); err != nil || got {
		t.Errorf("while the old one holds it: %v %v", got, err)
	}
	if err := old.Unlock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if got, err := tryer.TryLock(t.Context(), "x"); err != nil || !got {
		t.Errorf("after the old one's unlock: %v %v", got, err)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	// Caddy unlocks what is left when the process ends, after everything is closed.
	if err := tryer.Unlock(t.Context(), "x"); err != nil {
		t.Errorf("unlock after the stop: %v", err)
	}
}

// TestCertMagicCleansIt: its maintenance finds and removes what has expired.
func TestCertMagicCleansIt(t *testing.T) {
	storage := loadedStorage(t)
	ctx := t.Context()
	put := func(name string, notAfter time.Time) {
		t.Helper()
		for ext, value := range map[string][]byte{".crt": selfSigned(t, name, notAfter), ".key": []byte("key"), ".json": []byte("{}")} {
			if err := storage.Store(ctx, "certificates/ca/"+name+"/"+name+ext, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("old.test", time.Now().Add(-time.Hour))
	put("new.test", time.Now().Add(time.Hour))
	options := certmagic.CleanStorageOptions{Logger: zap.NewNop(), ExpiredCerts: true, OCSPStaples: true}
	if err := certmagic.CleanStorage(context.WithoutCancel(ctx), storage, options); err != nil {
		t.Fatal(err)
	}
	keys, err := storage.List(ctx, "certificates", true)
	want := []string{"certificates/ca", "certificates/ca/new.test", "certificates/ca/new.test/new.test.crt", "certificates/ca/new.test/new.test.json", "certificates/ca/new.test/new.test.key"}
	if err != nil || !slices.Equal(keys, want) {
		t.Errorf("left: %q %v", keys, err)
	}
}

func selfSigned(t *testing.T, name string, notAfter time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: notAfter.Add(-24 * time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
