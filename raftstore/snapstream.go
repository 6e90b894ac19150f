package raftstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// A snapshot travels as
//
//	magic | header length, 4 bytes big-endian | header, JSON | the files' bytes, in order | SHA-256 of all before
//
// Changing this breaks compatibility between members of different versions.
const (
	streamMagic = "YZSNAP1\n"
	// maxStreamHeader bounds what a receiver keeps in memory: about 300,000 files.
	maxStreamHeader = 32 << 20
	streamPrefix    = len(streamMagic) + 4
)

// streamHeader begins a stream.
type streamHeader struct {
	Applied uint64       `json:"applied"` // index of the newest entry in the state
	Cluster string       `json:"cluster"`
	Files   []streamFile `json:"files"`
}

type streamFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// validate refuses names that would leave the folder, and sizes that overflow.
func (h *streamHeader) validate() error {
	seen := make(map[string]bool, len(h.Files))
	var sum int64
	for _, f := range h.Files {
		if f.Name == "" || f.Name == "." || f.Name == ".." || filepath.Base(f.Name) != f.Name || seen[f.Name] {
			return fmt.Errorf("%w: snapshot file name %q", ErrCorrupt, f.Name)
		}
		seen[f.Name] = true
		if f.Size < 0 || sum+f.Size < sum {
			return fmt.Errorf("%w: snapshot file size %d", ErrCorrupt, f.Size)
		}
		sum += f.Size
	}
	return nil
}

// encode returns the stream's beginning and the whole stream's length.
func (h *streamHeader) encode() (prefix []byte, size int64, err error) {
	if err := h.validate(); err != nil {
		return nil, 0, err
	}
	js, err := json.Marshal(h)
	if err != nil {
		return nil, 0, err
	}
	if len(js) > maxStreamHeader {
		return nil, 0, fmt.Errorf("raftstore: snapshot of %d files is too large to send", len(h.Files))
	}
	prefix = append([]byte(streamMagic), binary.BigEndian.AppendUint32(nil, uint32(len(js)))...)
	prefix = append(prefix, js...)
	size = int64(len(prefix)) + sha256.Size
	for _, f := range h.Files {
		size += f.Size
	}
	return prefix, size, nil
}

// headerOf describes the files in dir.
func headerOf(dir string, applied uint64, cluster string) (*streamHeader, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	h := &streamHeader{Applied: applied, Cluster: cluster}
	for _, n := range names {
		st, err := n.Info()
		if err != nil {
			return nil, err
		}
		if !st.Mode().IsRegular() {
			return nil, fmt.Errorf("raftstore: snapshot has %s, which is not a file", n.Name())
		}
		h.Files = append(h.Files, streamFile{n.Name(), st.Size()})
	}
	return h, nil
}

// streamReader produces the stream of a folder, opening one file at a time.
type streamReader struct {
	dir   string
	files []streamFile // not yet opened
	buf   []byte       // header or trailer not yet read
	cur   *os.File
	left  int64 // of cur
	sum   hash.Hash
	done  bool // the trailer is in buf
}

func newStreamReader(dir string, h *streamHeader) (*streamReader, error) {
	prefix, _, err := h.encode()
	if err != nil {
		return nil, err
	}
	return &streamReader{dir: dir, files: h.Files, buf: prefix, sum: sha256.New()}, nil
}

// Read implements io.Reader.
func (r *streamReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case len(r.buf) > 0:
			n := copy(p, r.buf)
			r.buf = r.buf[n:]
			if !r.done {
				r.sum.Write(p[:n])
			}
			return n, nil
		case r.done:
			return 0, io.EOF
		case r.left > 0:
			n, err := r.cur.Read(p[:min(int64(len(p)), r.left)])
			r.left -= int64(n)
			r.sum.Write(p[:n])
			if err == io.EOF {
				err = fmt.Errorf("%w: snapshot file is %d bytes short", ErrCorrupt, r.left)
			}
			if n > 0 {
				err = nil // a lasting error comes again
			}
			return n, err
		case len(r.files) > 0:
			if err := r.open(); err != nil {
				return 0, err
			}
		default:
			r.buf, r.done = r.sum.Sum(nil), true
		}
	}
}

func (r *streamReader) open() error {
	if err := r.closeFile(); err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(r.dir, r.files[0].Name))
	if err != nil {
		return err
	}
	r.cur, r.left = f, r.files[0].Size
	r.files = r.files[1:]
	return nil
}

func (r *streamReader) closeFile() error {
	if r.cur == nil {
		return nil
	}
	err := r.cur.Close()
	r.cur = nil
	return err
}

// streamWriter takes a stream apart into a folder. finish tells whether the
// stream was whole.
type streamWriter struct {
	dir  string
	head []byte // magic, length and header until complete
	h    *streamHeader
	next int // index in h.Files of the next file
	cur  *os.File
	left int64  // of cur
	tail []byte // trailer
	sum  hash.Hash
	err  error // first error: everything after is refused
}

func newStreamWriter(dir string) *streamWriter {
	return &streamWriter{dir: dir, sum: sha256.New()}
}

// Write implements io.Writer.
func (w *streamWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 && w.err == nil {
		var n int
		n, w.err = w.step(p)
		p = p[n:]
	}
	return total - len(p), w.err
}

// step consumes a part of p, at least one byte unless there is an error.
func (w *streamWriter) step(p []byte) (int, error) {
	if w.h == nil {
		return w.header(p)
	}
	if w.left == 0 && w.next < len(w.h.Files) {
		if err := w.open(); err != nil {
			return 0, err
		}
		if w.left == 0 {
			return 0, nil // an empty file; go on
		}
	}
	if w.left > 0 {
		n, err := w.cur.Write(p[:min(int64(len(p)), w.left)])
		w.left -= int64(n)
		w.sum.Write(p[:n])
		return n, err
	}
	n := min(len(p), sha256.Size-len(w.tail))
	if n == 0 {
		return 0, fmt.Errorf("%w: bytes after the end of a snapshot", ErrCorrupt)
	}
	w.tail = append(w.tail, p[:n]...)
	return n, nil
}

// header collects the beginning.
func (w *streamWriter) header(p []byte) (int, error) {
	want := streamPrefix
	if len(w.head) >= streamPrefix {
		l := binary.BigEndian.Uint32(w.head[len(streamMagic):])
		want += int(l)
	}
	n := min(len(p), want-len(w.head))
	w.head = append(w.head, p[:n]...)
	if len(w.head) < want {
		return n, nil
	}
	if want == streamPrefix {
		if string(w.head[:len(streamMagic)]) != streamMagic {
			return n, fmt.Errorf("%w: not a snapshot stream of this version", ErrCorrupt)
		}
		if l := binary.BigEndian.Uint32(w.head[len(streamMagic):]); l == 0 || l > maxStreamHeader {
			return n, fmt.Errorf("%w: snapshot header of %d bytes", ErrCorrupt, l)
		}
		return n, nil
	}
	h := new(streamHeader)
	if err := json.Unmarshal(w.head[streamPrefix:], h); err != nil {
		return n, fmt.Errorf("%w: snapshot header: %w", ErrCorrupt, err)
	}
	if err := h.validate(); err != nil {
		return n, err
	}
	w.sum.Write(w.head)
	w.h, w.head = h, nil
	return n, nil
}

// open finishes the current file and begins the next.
func (w *streamWriter) open() error {
	if err := w.closeFile(); err != nil {
		return err
	}
	f := w.h.Files[w.next]
	w.next++
	dst, err := os.OpenFile(filepath.Join(w.dir, f.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w.cur, w.left = dst, f.Size
	return nil
}

func (w *streamWriter) closeFile() error {
	if w.cur == nil {
		return nil
	}
	err := errors.Join(w.cur.Sync(), w.cur.Close())
	w.cur = nil
	return err
}

// finish makes the folder durable and says whether every byte arrived intact.
func (w *streamWriter) finish() (*streamHeader, error) {
	for w.err == nil && w.h != nil && w.left == 0 && w.next < len(w.h.Files) && w.h.Files[w.next].Size == 0 {
		w.err = w.open() // empty files at the end
	}
	if err := w.closeFile(); w.err == nil {
		w.err = err
	}
	switch {
	case w.err != nil:
	case w.h == nil || w.left > 0 || w.next < len(w.h.Files) || len(w.tail) < sha256.Size:
		w.err = fmt.Errorf("%w: snapshot stream cut short", ErrCorrupt)
	case string(w.sum.Sum(nil)) != string(w.tail):
		w.err = fmt.Errorf("%w: snapshot fails its checksum", ErrCorrupt)
	default:
		w.err = syncDir(w.dir)
	}
	return w.h, w.err
}
