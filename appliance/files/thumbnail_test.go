package files

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// thumb asks for a thumbnail and decodes it.
func (s *site) thumb(r *Result, size int) (image.Image, *answer) {
	s.t.Helper()
	a := s.do("GET", r.Link+"&thumb="+strconv.Itoa(size), nil).is(s.t, http.StatusOK)
	img, format, err := image.Decode(bytes.NewReader(a.body))
	if err != nil || "image/"+format != a.header.Get("Content-Type") {
		s.t.Fatalf("%v, %s as %s", err, format, a.header.Get("Content-Type"))
	}
	return img, a
}

func TestThumbnail(t *testing.T) {
	s := newSite(t, nil)
	r := s.put(s.alice(), "name=a.b.png", pngImage(t, 1000, 500)).result(t)
	if r.Body.W != 1000 || r.Body.H != 500 {
		t.Errorf("%d×%d", r.Body.W, r.Body.H)
	}
	img, a := s.thumb(r, 200)
	if img.Bounds() != image.Rect(0, 0, 256, 128) { // the next configured size
		t.Errorf("%v", img.Bounds())
	}
	if got := a.header.Get("Content-Disposition"); got != "inline; filename=a.b.jpg" {
		t.Errorf("Content-Disposition %q", got)
	}
	// The gradient is still there, and nothing is shifted.
	for _, x := range []int{10, 128, 245} {
		want := pngColor(x*1000/256, 250)
		got := color.NRGBAModel.Convert(img.At(x, 64)).(color.NRGBA)
		if near(got.R, want.R) > 8 || near(got.G, want.G) > 8 {
			t.Errorf("at %d: %v, want %v", x, got, want)
		}
	}
	if img, _ := s.thumb(r, 5000); img.Bounds() != image.Rect(0, 0, 1000, 500) { // never larger
		t.Errorf("%v", img.Bounds())
	}
	// The second time it comes from the cache, under an ETag of its own.
	_, again := s.thumb(r, 256)
	if !bytes.Equal(again.body, a.body) || again.header.Get("Etag") != `"`+r.SHA256+`-256"` {
		t.Errorf("ETag %q", again.header.Get("Etag"))
	}
	s.do("GET", r.Link+"&thumb=256", nil, "If-None-Match", again.header.Get("Etag")).is(t, http.StatusNotModified)
	if s.metric("thumbnails_total", "result=made") != 2 || s.metric("thumbnails_total", "result=hit") != 2 {
		t.Errorf("made %v, hit %v", s.metric("thumbnails_total", "result=made"), s.metric("thumbnails_total", "result=hit"))
	}
	s.do("GET", r.Link+"&thumb=x", nil).refused(t, errBadRequest)
	s.do("GET", r.Link+"&thumb=-1", nil).refused(t, errBadRequest)
	s.do("GET", r.Body.URL+"?thumb=128", nil).refused(t, errBadLink)
}

// pngColor is what pngImage(1000, 500) has at a place.
func pngColor(x, y int) color.NRGBA {
	return color.NRGBA{uint8(x * 255 / 1000), uint8(y * 255 / 500), 100, 255}
}

func near(a, b uint8) int {
	if a > b {
		return int(a - b)
	}
	return int(b - a)
}

// TestThumbnailStandsUpright: for each Exif orientation, where the red half is.
func TestThumbnailStandsUpright(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	for orientation, red := range map[int]image.Point{ // as fractions of four
		1: {1, 2}, 2: {3, 2}, 3: {3, 2}, 4: {1, 2},
		5: {2, 1}, 6: {2, 1}, 7: {2, 3}, 8: {2, 3},
	} {
		original := jpegImage(t, 400, 200, orientation)
		r := s.put(alice, "", original).result(t)
		img, a := s.thumb(r, 128)
		w, h := 128, 64
		if orientation >= 5 {
			w, h = 64, 128
		}
		if img.Bounds() != image.Rect(0, 0, w, h) || r.Body.W*h != r.Body.H*w {
			t.Errorf("orientation %d: %v of %d×%d", orientation, img.Bounds(), r.Body.W, r.Body.H)
		}
		x, y := red.X*w/4, red.Y*h/4
		if c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA); c.R < 200 || c.B > 50 {
			t.Errorf("orientation %d: at %d,%d %v, want red", orientation, x, y, c)
		}
		if c := color.NRGBAModel.Convert(img.At(w-1-x, h-1-y)).(color.NRGBA); c.B < 200 || c.R > 50 {
			t.Errorf("orientation %d: opposite of %d,%d %v, want blue", orientation, x, y, c)
		}
		if !bytes.Contains(original, []byte("GPS 48")) || bytes.Contains(a.body, []byte("GPS 48")) || bytes.Contains(a.body, []byte("Exif")) {
			t.Error("the place is still there")
		}
	}
}

// webpPixel is a lossless WebP of one red pixel.
const webpPixel = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func TestThumbnailsOfEachFormat(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	webp, err := base64.StdEncoding.DecodeString(webpPixel)
	if err != nil {
		t.Fatal(err)
	}
	palette := color.Palette{color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}}
	first, second := image.NewPaletted(image.Rect(0, 0, 300, 300), palette), image.NewPaletted(image.Rect(0, 0, 300, 300), palette)
	for i := range second.Pix {
		second.Pix[i] = 1
	}
	var animated, clear bytes.Buffer
	if err := gif.EncodeAll(&animated, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&clear, image.NewNRGBA(image.Rect(0, 0, 300, 300))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		mime    string
		width   int
	}{
		"jpeg":  {jpegImage(t, 300, 300, 0), "image/jpeg", 128},
		"png":   {pngImage(t, 300, 300), "image/jpeg", 128},
		"clear": {clear.Bytes(), "image/png", 128},
		"gif":   {animated.Bytes(), "image/jpeg", 128},
		"webp":  {webp, "image/png", 1},
	} {
		r := s.put(alice, "name="+name, c.content).result(t)
		img, a := s.thumb(r, 128)
		mime := a.header.Get("Content-Type")
		if name == "webp" {
			mime = c.mime // either is right
		}
		if img.Bounds().Dx() != c.width || mime != c.mime {
			t.Errorf("%s: %d wide, %s", name, img.Bounds().Dx(), mime)
		}
		if name == "gif" {
			if red := color.NRGBAModel.Convert(img.At(64, 64)).(color.NRGBA); red.R < 200 {
				t.Errorf("not the first picture: %v", red)
			}
		}
	}
	r := s.put(alice, "", text(100, "no image")).result(t)
	s.do("GET", r.Link+"&thumb=128", nil).refused(t, errNotImage)
}

// TestDecompressionBombsAreRefused before anything is decoded: a small file that
// says it is a huge image.
func TestDecompressionBombsAreRefused(t *testing.T) {
	s := newSite(t, func(o *Options) { o.MaxPixels = 1_000_000 })
	alice := s.alice()
	bomb := func(w, h uint32) []byte {
		b := bytes.Clone(pngImage(t, 2, 2))
		binary.BigEndian.PutUint32(b[16:], w)
		binary.BigEndian.PutUint32(b[20:], h)
		binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		return b
	}
	for _, size := range [][2]uint32{{50_000, 50_000}, {1_000_001, 1}, {1, 1_000_001}} {
		r := s.put(alice, "", bomb(size[0], size[1])).result(t)
		if uint32(r.Body.W) != size[0] {
			t.Fatalf("%+v: the test's file is not what it should be", r.Body)
		}
		s.do("GET", r.Link+"&thumb=128", nil).refused(t, errNotImage)
	}
	// Within the pixels, but with less data than it says.
	r := s.put(alice, "", bomb(900, 900)).result(t)
	s.do("GET", r.Link+"&thumb=128", nil).refused(t, errNotImage)
	// A damaged JPEG.
	damaged := jpegImage(t, 64, 64, 0)
	r = s.put(alice, "", damaged[:len(damaged)/3]).result(t)
	s.do("GET", r.Link+"&thumb=128", nil).refused(t, errNotImage)
	if s.metric("thumbnails_total", "result=refused") < 4 {
		t.Error("they are not counted")
	}
}

func TestMemoryOfProgressiveImages(t *testing.T) {
	baseline := jpegImage(t, 100, 100, 0)
	plain, err := readPicture(bytes.NewReader(baseline), "image/jpeg")
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(baseline, []byte{0xff, 0xc0})
	baseline[i+1] = 0xc2
	progressive, err := readPicture(bytes.NewReader(baseline), "image/jpeg")
	if err != nil {
		t.Fatal(err)
	}
	if plain.memory != 30_000 || progressive.memory != 150_000 {
		t.Errorf("%d and %d bytes", plain.memory, progressive.memory)
	}
}

// TestThumbnailsAreMadeOnce however many ask, and the cache stays within its limit.
func TestThumbnailsAreMadeOnce(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	r := s.put(alice, "", pngImage(t, 800, 800)).result(t)
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			if a, err := s.try("GET", r.Link+"&thumb=512", nil); err != nil || a.status != http.StatusOK {
				t.Errorf("%v %v", a, err)
			}
		})
	}
	clients.Wait()
	if n := len(s.server.thumbs.list()); n != 1 {
		t.Errorf("%d files in the cache", n)
	}
	size := int64(s.metric("thumbnail_cache_bytes"))
	s.setOptions(func(o *Options) { o.ThumbnailCache = 3 * size })
	for range 8 {
		s.thumb(s.put(alice, "", pngImage(t, 800, 800)).result(t), 512)
	}
	if got := int64(s.metric("thumbnail_cache_bytes")); got > 3*size || got == 0 {
		t.Errorf("the cache has %d bytes, at most %d are allowed", got, 3*size)
	}
	if err := os.WriteFile(filepath.Join(s.dir, thumbnailFolder, "left"+newSuffix), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := s.metric("thumbnail_cache_bytes")
	s.crash()
	if got := s.metric("thumbnail_cache_bytes"); got != before {
		t.Errorf("after a restart the cache has %v bytes instead of %v", got, before)
	}
	for _, f := range s.server.thumbs.list() {
		if strings.HasSuffix(f.path, newSuffix) {
			t.Errorf("%s is left", f.path)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range [][5]int{{100, 50, 200, 100, 50}, {1000, 500, 100, 100, 50}, {500, 1000, 100, 50, 100}, {10_000, 1, 100, 100, 1}, {1, 10_000, 100, 1, 100}} {
		if w, h := fit(c[0], c[1], c[2]); w != c[3] || h != c[4] {
			t.Errorf("fit(%d, %d, %d) = %d, %d", c[0], c[1], c[2], w, h)
		}
	}
}

// TestAverageKeepsTheEdges: blocks that are cut off by the edge count what they
// have.
func TestAverageKeepsTheEdges(t *testing.T) {
	img := image.NewRGBA(image.Rect(5, 5, 15, 12)) // not at the origin
	for i := range img.Pix {
		img.Pix[i] = 200
	}
	out := average(img, 4)
	if out.Rect != image.Rect(0, 0, 3, 2) {
		t.Fatalf("%v", out.Rect)
	}
	for i, v := range out.Pix {
		if v != 200 {
			t.Fatalf("byte %d is %d", i, v)
		}
	}
}

func FuzzReadPicture(f *testing.F) {
	f.Add(pngImage(f, 3, 3))
	f.Add(jpegImage(f, 8, 8, 6))
	f.Fuzz(func(_ *testing.T, b []byte) {
		for mime := range imageDecoders {
			p, err := readPicture(bytes.NewReader(b), mime)
			if err == nil && int64(p.w)*int64(p.h) < 1<<20 && p.memory < 1<<24 {
				if img, err := decodeImage(bytes.NewReader(b), mime); err == nil {
					upright(shrink(img, 32), p.orientation)
				}
			}
		}
	})
}
