package sdk

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FileInfo is what an app knows of a file that it uploads. Every field may be
// empty.
type FileInfo struct {
	Name     string        // with its ending, as in photo.jpg
	Duration time.Duration // of audio and video
	W, H     int           // of video, in pixels; of images the server finds them
}

// File is an uploaded file, in the form in which messages carry it.
type File struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url"` // for good; Link and Download open it
	MD5  string `json:"md5"`
	Size int64  `json:"size"`
	Ext  string `json:"ext,omitempty"`
	W    int    `json:"w,omitempty"`
	H    int    `json:"h,omitempty"`
	Dur  int64  `json:"dur,omitempty"` // ms

	Type string `json:"-"` // found in the content, as image/png
}

// Types of messages with a file.
const (
	typeImage = 1
	typeAudio = 2
	typeVideo = 3
	typeFile  = 6
)

// Content is the message that shows the file: an image, audio or video by its
// type, or else a file.
func (f *File) Content() Content {
	kind := uint32(typeFile)
	switch family, _, _ := strings.Cut(f.Type, "/"); family {
	case "image":
		kind = typeImage
	case "audio":
		kind = typeAudio
	case "video":
		kind = typeVideo
	}
	b, _ := json.Marshal(f) // cannot fail: plain fields
	return Content{Type: kind, Body: string(b)}
}

// errSource marks a failure of what is uploaded, or of where a download goes.
var errSource = errors.New("sdk: files: the app's own file")

// Upload uploads size bytes of src. It reads them once to know their digest, which
// the server checks, and again to send them.
func (f *Files) Upload(ctx context.Context, src io.ReaderAt, size int64, info FileInfo) (*File, error) {
	digest := sha256.New()
	n, err := io.Copy(digest, io.NewSectionReader(src, 0, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSource, err)
	}
	metadata := tusMetadata(
		"filename", info.Name, "sha256", hex.EncodeToString(digest.Sum(nil)),
		"dur", number(info.Duration.Milliseconds()), "w", number(int64(info.W)), "h", number(int64(info.H)))
	var (
		url    string
		offset int64
		out    struct {
			Body File
			Type string
		}
	)
	err = f.persist(ctx, func(p *progress) error {
		if url == "" {
			answer, err := f.granted(ctx, http.MethodPost, f.o.URL+"/files/uploads", nil,
				"Tus-Resumable", "1.0.0", "Upload-Length", strconv.FormatInt(size, 10), "Upload-Metadata", metadata)
			if err != nil {
				return err
			}
			url, p.made = answer.header.Get("Location"), true
			if !f.ours(url) {
				return &FileError{Status: answer.status, Name: "bad_answer", Note: "the upload is at another site: does the site have another public_url?"}
			}
		} else { // it was interrupted
			at, err := f.offset(ctx, url)
			if err != nil {
				return err
			}
			offset, p.made = at, at > offset
		}
		if offset < size {
			_, err := f.granted(ctx, http.MethodPatch, url, io.NewSectionReader(src, offset, size-offset),
				"Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.FormatInt(offset, 10))
			if err != nil {
				return err
			}
		}
		answer, err := f.granted(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		return answer.decode(&out)
	})
	if err != nil {
		return nil, err
	}
	out.Body.Type = out.Type
	return &out.Body, nil
}

// offset is how much of an upload the server has.
func (f *Files) offset(ctx context.Context, url string) (int64, error) {
	answer, err := f.granted(ctx, http.MethodHead, url, nil, "Tus-Resumable", "1.0.0")
	if err != nil {
		return 0, err
	}
	at, err := strconv.ParseInt(answer.header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return 0, &FileError{Status: answer.status, Name: "bad_answer", Note: "the server does not tell the offset"}
	}
	return at, nil
}

// number is n as metadata has it: nothing for none.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// tusMetadata is the header Upload-Metadata (tus 1.0.0, "Creation").
func tusMetadata(pairs ...string) string {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
		}
	}
	return strings.Join(all, ",")
}

// Download writes a file to dst, by the URL in its message or by a signed link. It
// goes on after an interruption where it was. When it returns nil the content is
// what was uploaded; after an error dst may have a part of it.
func (f *Files) Download(ctx context.Context, url string, dst io.Writer) error {
	if !f.ours(url) {
		return ErrForeignFile
	}
	d := &download{dst: dst, digest: sha256.New()}
	return f.persist(ctx, func(p *progress) error {
		before := d.at
		err := f.fetch(ctx, url, d)
		p.made = d.at > before
		return err
	})
}

// download is how far one has come.
type download struct {
	dst    io.Writer
	digest hash.Hash
	at     int64
	etag   string
}

func (f *Files) fetch(ctx context.Context, url string, d *download) error {
	var header []string
	if d.at > 0 {
		header = append(header, "Range", fmt.Sprintf("bytes=%d-", d.at), "If-Range", d.etag)
	}
	open := f.openGranted
	if strings.Contains(url, "&s=") {
		open = f.open // it is signed
	}
	resp, err := open(ctx, http.MethodGet, url, nil, header...)
	if refused := new(FileError); errors.As(err, &refused) && refused.Status == http.StatusRequestedRangeNotSatisfiable {
		return d.verify() // all of it had come
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if d.at > 0 && (resp.StatusCode != http.StatusPartialContent || resp.Header.Get("Etag") != d.etag) {
		return errFileChanged
	}
	d.etag = resp.Header.Get("Etag")
	if _, err := io.Copy(d, resp.Body); err != nil {
		return err
	}
	return d.verify()
}

// Write implements io.Writer.
func (d *download) Write(b []byte) (int, error) {
	n, err := d.dst.Write(b)
	_, _ = d.digest.Write(b[:n]) // never fails
	d.at += int64(n)
	if err != nil {
		err = fmt.Errorf("%w: %w", errSource, err)
	}
	return n, err
}

// verify compares the content with its ETag, which is its digest.
func (d *download) verify() error {
	want := strings.Trim(d.etag, `"`)
	if len(want) == 2*sha256.Size && want != hex.EncodeToString(d.digest.Sum(nil)) {
		return errFileChanged
	}
	return nil
}
