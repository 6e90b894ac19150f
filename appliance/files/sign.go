package files

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
	"unicode/utf8"
)

// KeyStore is storage that all nodes of a site share (sitestore.Storage): they
// sign with one key, so that a link made by one is good at another.
type KeyStore interface {
	Load(ctx context.Context, key string) ([]byte, error) // fs.ErrNotExist when there is none
	Store(ctx context.Context, key string, value []byte) error
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

const (
	// signingKeyName is where the key lies. Changing it makes every grant and link
	// that is out invalid.
	signingKeyName = "yizhan/files/signing.key"
	signingKeyLock = "yizhan-files-signing-key"
	signingKeyLen  = 32
)

// loadKey reads the site's key, or makes it.
func loadKey(ctx context.Context, store KeyStore) ([]byte, error) {
	key, err := readKey(ctx, store)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := store.Lock(ctx, signingKeyLock); err != nil {
		return nil, err
	}
	defer func() { _ = store.Unlock(context.WithoutCancel(ctx), signingKeyLock) }() // lapses by itself
	if key, err = readKey(ctx, store); !errors.Is(err, fs.ErrNotExist) {
		return key, err // another node was faster
	}
	key = make([]byte, signingKeyLen)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key, store.Store(ctx, signingKeyName, key)
}

func readKey(ctx context.Context, store KeyStore) ([]byte, error) {
	key, err := store.Load(ctx, signingKeyName)
	if err == nil && len(key) != signingKeyLen {
		return nil, fmt.Errorf("the site's storage: %s has %d bytes instead of %d", signingKeyName, len(key), signingKeyLen)
	}
	return key, err
}

// signer makes and checks signatures: HMAC-SHA256 (RFC 2104). Each purpose has a
// key of its own, so that a signature for one is nothing to the other.
type signer struct{ grants, links []byte }

func newSigner(key []byte) *signer {
	return &signer{mac(key, "yizhan files grant v1"), mac(key, "yizhan files link v1")}
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum(nil)
}

// Principal is who asks: an account of a tenant.
type Principal struct {
	Tenant  uint32
	AppKey  string
	Account string
}

// Bounds of a grant's parts; those of logins are lower.
const (
	maxAppKeyLen  = 64
	maxAccountLen = 128
	maxGrantLen   = 512 // characters
)

var base64url = base64.RawURLEncoding

// grant lets p upload, and make links, until expires. Its form is base64url of
//
//	tenant (4 bytes) expires (8, Unix ms) appkey length (1) appkey account MAC (32)
func (s *signer) grant(p Principal, expires time.Time) string {
	b := make([]byte, 0, maxGrantLen)
	b = binary.BigEndian.AppendUint32(b, p.Tenant)
	b = binary.BigEndian.AppendUint64(b, uint64(expires.UnixMilli()))
	b = append(b, byte(len(p.AppKey)))
	b = append(b, p.AppKey...)
	b = append(b, p.Account...)
	b = append(b, mac(s.grants, string(b))...)
	return base64url.EncodeToString(b)
}

// checkGrant finds out whose grant it is.
func (s *signer) checkGrant(grant string, now time.Time) (Principal, error) {
	if len(grant) > maxGrantLen {
		return Principal{}, errBadGrant
	}
	b, err := base64url.Strict().DecodeString(grant)
	const head = 4 + 8 + 1
	if err != nil || len(b) < head+sha256.Size {
		return Principal{}, errBadGrant
	}
	signed, signature := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(signature, mac(s.grants, string(signed))) {
		return Principal{}, errBadGrant
	}
	names, cut := signed[head:], int(signed[head-1])
	if cut > len(names) || !utf8.Valid(names) {
		return Principal{}, errBadGrant
	}
	expires := time.UnixMilli(int64(binary.BigEndian.Uint64(signed[4:])))
	if !now.Before(expires) {
		return Principal{}, errOldGrant
	}
	return Principal{binary.BigEndian.Uint32(signed), string(names[:cut]), string(names[cut:])}, nil
}

// link is the query of a signed link: e is when it expires (Unix seconds), s the
// signature. The id has the tenant's number in it.
func (s *signer) link(id fileID, expires time.Time) string {
	e := strconv.FormatInt(expires.Unix(), 10)
	return "e=" + e + "&s=" + base64url.EncodeToString(s.linkMAC(id, e))
}

func (s *signer) linkMAC(id fileID, e string) []byte { return mac(s.links, id.String()+" "+e) }

// checkLink says what is wrong with a link, or when it expires.
func (s *signer) checkLink(id fileID, e, signature string, now time.Time) (time.Time, error) {
	if len(e) > 20 || len(signature) != base64url.EncodedLen(sha256.Size) {
		return time.Time{}, errBadLink
	}
	b, err := base64url.Strict().DecodeString(signature)
	if err != nil || !hmac.Equal(b, s.linkMAC(id, e)) {
		return time.Time{}, errBadLink
	}
	seconds, err := strconv.ParseInt(e, 10, 64)
	if err != nil {
		return time.Time{}, errBadLink
	}
	expires := time.Unix(seconds, 0)
	if !now.Before(expires) {
		return time.Time{}, errOldLink
	}
	return expires, nil
}
