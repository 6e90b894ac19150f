package files

import (
	"crypto/rand"
	"encoding/base32"
	"strconv"
	"strings"
)

// fileID names a file and the upload that makes it: the tenant's number and 160
// random bits, as in 7-k5q…. Whoever knows it can ask for a link within the
// tenant, so it must not be guessable. It is safe in paths, URLs and keys:
// parseID takes nothing but digits, a hyphen and lower-case base32.
type fileID struct {
	tenant uint32
	random string // 32 characters
}

const randomLen = 32 // 20 bytes in base32

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newID(tenant uint32) fileID {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return fileID{tenant, idEncoding.EncodeToString(b[:])}
}

func (id fileID) String() string { return strconv.FormatUint(uint64(id.tenant), 10) + "-" + id.random }

// parseID takes exactly what String makes.
func parseID(s string) (fileID, error) {
	number, random, ok := strings.Cut(s, "-")
	if !ok || len(random) != randomLen || len(number) > 10 {
		return fileID{}, errBadID
	}
	for _, c := range []byte(random) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return fileID{}, errBadID
		}
	}
	tenant, err := strconv.ParseUint(number, 10, 32)
	id := fileID{uint32(tenant), random}
	if err != nil || id.String() != s {
		return fileID{}, errBadID
	}
	return id, nil
}
