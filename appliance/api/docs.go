package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"
)

// docsPath is where the documentation is served, without pathPrefix.
const docsPath = "/docs"

//go:embed docs
var docsFolder embed.FS

// docsPolicy is the Content Security Policy of the page (W3C CSP3): it runs its
// own two files, asks for nothing and cannot make markup of text.
var docsPolicy = strings.Join([]string{
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
	"require-trusted-types-for 'script'",
	"trusted-types 'none'",
}, "; ")

// docsFile is one file with what is said of it.
type docsFile struct {
	content    []byte
	mime, etag string
}

// docsFiles are the files of the documentation by name, "" for the page. They
// are made once, when somebody first asks: they depend on nothing but this
// build, and hold nothing of a tenant.
var docsFiles = sync.OnceValues(func() (map[string]docsFile, error) {
	files := make(map[string]docsFile)
	add := func(name, mime string, content []byte) {
		sum := sha256.Sum256(content)
		files[name] = docsFile{content, mime, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	}
	var page, document bytes.Buffer
	if err := writePage(&page); err != nil {
		return nil, err
	}
	add("", "text/html; charset=utf-8", page.Bytes())
	if err := WriteOpenAPI(&document); err != nil {
		return nil, err
	}
	add("openapi.json", "application/json", document.Bytes())
	for name, mime := range map[string]string{"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"} {
		content, err := docsFolder.ReadFile("docs/" + name)
		if err != nil {
			return nil, err
		}
		add(name, mime, content)
	}
	return files, nil
})

// serveDocs answers requests below docsPath, from anybody. Unlike the API it
// speaks plain HTTP: it is for browsers and tools.
func (a *API) serveDocs(w http.ResponseWriter, r *http.Request, name string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	if name == "" {
		// Relative, for a proxy that strips a prefix.
		w.Header().Set("Location", strings.TrimPrefix(docsPath, "/")+"/")
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	files, err := docsFiles()
	if err != nil {
		a.log.logger.Error("api: the documentation cannot be made", "error", err)
		http.Error(w, "the documentation cannot be made; the server's log tells why", http.StatusInternalServerError)
		return
	}
	file, ok := files[strings.TrimPrefix(name, "/")]
	if !ok {
		http.Error(w, "there is no such page; the documentation begins at "+docsPath+"/", http.StatusNotFound)
		return
	}
	header := w.Header()
	header.Set("Content-Type", file.mime)
	header.Set("Etag", file.etag)
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Content-Security-Policy", docsPolicy)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.content))
}
