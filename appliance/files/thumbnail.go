package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// thumbMemory is what all thumbnails that are being made may hold together, by
	// estimate, in bytes. An image that needs more alone gets none.
	thumbMemory = 256 << 20
	// thumbWaiting is how many requests may wait for their turn.
	thumbWaiting = 64
	thumbQuality = 82 // of JPEG
)

// The results of asking for a thumbnail, as metrics show them.
const (
	thumbHit     = "hit"
	thumbMade    = "made"
	thumbRefused = "refused"
	thumbFailed  = "failed"
)

// thumbnail is the file id made smaller: the smallest configured size that is not
// below what was asked for. It has nothing of the original but its pixels: no
// Exif, so no place where a photo was taken.
func (c *call) thumbnail(id fileID, asked string) (*meta, io.ReadSeekCloser, error) {
	size, err := strconv.Atoi(asked)
	if err != nil || size <= 0 {
		return nil, nil, errBadRequest.noting("thumb is not a number of pixels")
	}
	longest := c.Thumbnails[len(c.Thumbnails)-1]
	for _, s := range c.Thumbnails {
		if s >= size {
			longest = s
			break
		}
	}
	m, err := c.blobs.stat(c.r.Context(), id)
	if err != nil {
		return nil, nil, err
	}
	if _, known := imageDecoders[m.Type]; !known {
		return nil, nil, errNotImage.noting("there are no thumbnails of files of type %s", m.Type)
	}
	t := c.s.thumbs
	path := t.path(id, longest)
	content, err := t.cached(path)
	result := thumbHit
	if errors.Is(err, fs.ErrNotExist) {
		result = thumbMade
		content, err = t.make(c.r.Context(), path, func(ctx context.Context) ([]byte, error) { return c.render(ctx, id, m, longest) })
	}
	if err != nil {
		result = thumbFailed
		if _, known := edge(err); known {
			result = thumbRefused
		}
	}
	t.metrics.thumbnails.With(prometheus.Labels{"result": result}).Inc()
	if err != nil {
		return nil, nil, err
	}
	return m.thumbnail(longest, content), inMemory{bytes.NewReader(content)}, nil
}

// inMemory is content that need not be closed.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// thumbnail is what is told of m's thumbnail.
func (m *meta) thumbnail(longest int, content []byte) *meta {
	small := *m
	small.Type, small.Ext = "image/jpeg", "jpg"
	if bytes.HasPrefix(content, []byte("\x89PNG")) {
		small.Type, small.Ext = "image/png", "png"
	}
	small.SHA256 = fmt.Sprintf("%s-%d", m.SHA256, longest) // makes another ETag
	if m.Name != "" {
		small.Name = strings.TrimSuffix(m.Name, filepath.Ext(m.Name)) + "." + small.Ext
	}
	return &small
}

// render makes one thumbnail.
func (c *call) render(ctx context.Context, id fileID, m *meta, longest int) ([]byte, error) {
	_, content, err := c.blobs.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	p, err := readPicture(content, m.Type)
	if err != nil {
		return nil, errNotImage.noting("the image cannot be decoded")
	}
	memory := p.memory + shrinkMemory(p.w, p.h, longest)
	if int64(p.w)*int64(p.h) > int64(c.MaxPixels) || memory > thumbMemory {
		return nil, errNotImage.noting("an image of %d×%d pixels is too large to be made smaller", p.w, p.h)
	}
	if err := c.s.thumbs.memory.Acquire(ctx, memory); err != nil {
		return nil, errNodeFull
	}
	defer c.s.thumbs.memory.Release(memory)
	start := time.Now()
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	src, err := decodeImage(content, m.Type)
	if err != nil || src.Bounds().Dx() > p.w || src.Bounds().Dy() > p.h {
		return nil, errNotImage.noting("the image cannot be decoded")
	}
	small := upright(shrink(src, longest), p.orientation)
	var out bytes.Buffer
	if small.Opaque() {
		err = jpeg.Encode(&out, small, &jpeg.Options{Quality: thumbQuality})
	} else {
		err = png.Encode(&out, small)
	}
	c.s.metrics.thumbTime.Observe(time.Since(start).Seconds())
	return out.Bytes(), err
}

func decodeImage(r io.Reader, mime string) (img image.Image, err error) {
	defer func() { // the decoders take what anybody uploads
		if recover() != nil {
			img, err = nil, errBadImage
		}
	}()
	img, err = imageDecoders[mime].decode(r)
	if err == nil && img.Bounds().Empty() {
		err = errBadImage
	}
	return img, err
}

// cached is a thumbnail that was made before.
func (t *thumbnails) cached(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // the least used go first; no more than that depends on it
	}
	return content, err
}
