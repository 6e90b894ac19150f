package files

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// meta is what is kept beside the content of a finished file. Fields may be
// added; changing a name loses what older builds have written.
type meta struct {
	ID      string `json:"id"`
	Account string `json:"account"` // who uploaded it
	AppKey  string `json:"appKey"`
	Name    string `json:"name,omitempty"`
	Ext     string `json:"ext,omitempty"`
	Type    string `json:"type"` // found in the content
	Size    int64  `json:"size"`
	MD5     string `json:"md5"`
	SHA256  string `json:"sha256"`
	W       int    `json:"w,omitempty"` // pixels, as shown
	H       int    `json:"h,omitempty"`
	Dur     int64  `json:"dur,omitempty"` // ms, as the client says
	Created int64  `json:"created"`       // Unix ms
}

// maxMetaLen bounds a meta in JSON.
const maxMetaLen = 4096

func decodeMeta(b []byte) (*meta, error) {
	m := new(meta)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *meta) created() time.Time { return time.UnixMilli(m.Created) }

// etag is the content's, whoever uploaded it.
func (m *meta) etag() string { return `"` + m.SHA256 + `"` }

// blobs keep finished files.
type blobs interface {
	// put takes the file at path over and removes it from there. When it returns
	// nil the content and m are durable. It may be called again after a failure, or
	// after a crash, for the same id.
	put(ctx context.Context, id fileID, m *meta, path string) error
	// open returns errNotFound when there is no such file.
	open(ctx context.Context, id fileID) (*meta, io.ReadSeekCloser, error)
	// stat is open without the content.
	stat(ctx context.Context, id fileID) (*meta, error)
	// remove is no error when there is no such file.
	remove(ctx context.Context, id fileID) error
	// abort gives up what broke off in put before that time, a bounded number, and
	// tells how many.
	abort(ctx context.Context, before time.Time) (int, error)
}

// declared is what a client says about its file. It decides nothing but the name
// and the numbers that go into messages; the digests are checked.
type declared struct {
	Name   string `json:"name,omitempty"`
	Ext    string `json:"ext,omitempty"`
	MD5    string `json:"md5,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	W      int    `json:"w,omitempty"`
	H      int    `json:"h,omitempty"`
	Dur    int64  `json:"dur,omitempty"`
}

const (
	maxName = 255 // characters
	maxExt  = 16
	maxDim  = 1 << 20
	maxDur  = 7 * 24 * 3600 * 1000 // ms
)

// declare reads what a client says by get, which returns "" for what it does not
// say. tus clients usually call the name "filename".
func declare(get func(string) string) (d declared, err error) {
	if d.Name = get("name"); d.Name == "" {
		d.Name = get("filename")
	}
	if !utf8.ValidString(d.Name) || utf8.RuneCountInString(d.Name) > maxName || strings.ContainsFunc(d.Name, unsafeInName) {
		return d, errBadRequest.noting("name is not text of at most %d characters without slashes and control characters", maxName)
	}
	if d.Ext = strings.ToLower(get("ext")); d.Ext == "" {
		if i := strings.LastIndexByte(d.Name, '.'); i > 0 {
			d.Ext = strings.ToLower(d.Name[i+1:])
		}
		if !validExt(d.Ext) {
			d.Ext = "" // it was only a guess
		}
	}
	if !validExt(d.Ext) {
		return d, errBadRequest.noting("ext is not at most %d letters and digits", maxExt)
	}
	for _, digest := range []struct {
		name  string
		chars int
		field *string
	}{{"md5", 32, &d.MD5}, {"sha256", 64, &d.SHA256}} {
		*digest.field = strings.ToLower(get(digest.name))
		if s := *digest.field; s != "" && (len(s) != digest.chars || strings.Trim(s, "0123456789abcdef") != "") {
			return d, errBadRequest.noting("%s is not %d hexadecimal digits", digest.name, digest.chars)
		}
	}
	for _, number := range []struct {
		name string
		most int64
		put  func(int64)
	}{
		{"w", maxDim, func(n int64) { d.W = int(n) }},
		{"h", maxDim, func(n int64) { d.H = int(n) }},
		{"dur", maxDur, func(n int64) { d.Dur = n }},
	} {
		s := get(number.name)
		if s == "" {
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 || n > number.most {
			return d, errBadRequest.noting("%s is not a number from 0 to %d", number.name, number.most)
		}
		number.put(n)
	}
	return d, nil
}

func validExt(s string) bool {
	return len(s) <= maxExt && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// unsafeInName finds what must not get into a header or a path: control
// characters, separators, and the marks that turn text round (a name that shows as
// photo.jpg but is not).
func unsafeInName(r rune) bool {
	return r < ' ' || r == 0x7f || (r >= 0x80 && r <= 0x9f) || r == '/' || r == '\\' ||
		(r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) || r == 0x2028 || r == 0x2029
}
