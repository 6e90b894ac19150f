package files

import (
	"io"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// sniffLen is how much of a file tells its type: what mimetype reads by default.
const sniffLen = 3072

// sniff finds the type of a file in its first bytes, whatever a client says. It
// has no parameters, as in "image/png".
func sniff(head []byte) string {
	mime, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	return strings.TrimSpace(mime)
}

// sniffAt is sniff for a file of size bytes.
func sniffAt(r io.ReaderAt, size int64) (string, error) {
	head := make([]byte, min(size, sniffLen))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return "", err
	}
	return sniff(head), nil
}

// takes reports whether l lets a file of a type in.
func (l *Limits) takes(mime string) bool {
	if matchesAny(l.Deny, mime) {
		return false
	}
	return len(l.Allow) == 0 || matchesAny(l.Allow, mime)
}

func matchesAny(patterns []string, mime string) bool {
	for _, pattern := range patterns {
		if family, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(mime, family) || pattern == mime {
			return true
		}
	}
	return false
}

// inline are the types that a browser may show: it runs nothing in them. Every
// other one is a download of nameless bytes, above all HTML, SVG and XML, which
// would run their scripts as pages of this site (stored XSS).
var inline = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "image/bmp": true, "image/avif": true,
	"audio/aac": true, "audio/mpeg": true, "audio/wav": true, "audio/ogg": true, "audio/flac": true,
	"audio/amr": true, "audio/mp4": true, "audio/x-m4a": true, "audio/webm": true,
	"video/mp4": true, "video/webm": true, "video/ogg": true, "video/quicktime": true, "video/3gpp": true,
}
