package files

import (
	"bytes"
	"io"
	"testing"
	"time"
)

func FuzzParseID(f *testing.F) {
	f.Add(newID(7).String())
	f.Add("../../etc/passwd")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseID(s)
		if err == nil && id.String() != s {
			t.Errorf("%q is read as %q", s, id)
		}
		_, _ = idOf(s)
	})
}

func FuzzCheckGrant(f *testing.F) {
	k := newSigner([]byte("a key of this test"))
	now := time.UnixMilli(1_000_000)
	good := k.grant(Principal{7, "shop", "alice"}, now.Add(time.Minute))
	f.Add(good)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := k.checkGrant(s, now); err == nil && s != good {
			t.Errorf("%q is taken", s)
		}
	})
}

func FuzzCheckLink(f *testing.F) {
	k := newSigner([]byte("a key of this test"))
	id, now := newID(7), time.Unix(1000, 0)
	f.Add("1060", base64url.EncodeToString(k.linkMAC(id, "1060")))
	f.Add("0", "")
	f.Fuzz(func(t *testing.T, e, s string) {
		if _, err := k.checkLink(id, e, s, now); err == nil && e != "1060" {
			t.Errorf("%q %q is taken", e, s)
		}
	})
}

func FuzzDecodeJournal(f *testing.F) {
	head := journalHead{Owner: Principal{7, "shop", "alice"}, Declared: declared{Name: "x"}, Size: 100}
	b, err := head.encode()
	if err != nil {
		f.Fatal(err)
	}
	p := newProgress()
	p.seq, p.offset = 1, 50
	slot, err := p.encode()
	if err != nil {
		f.Fatal(err)
	}
	copy(b[journalHeadLen:], slot)
	f.Add(b)
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, p, err := decodeJournal(b)
		if err != nil {
			return
		}
		if p.offset < 0 || p.offset > h.Size {
			t.Errorf("offset %d of %d", p.offset, h.Size)
		}
		if _, err := p.encode(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzReadJPEGInfo(f *testing.F) {
	f.Add(jpegImage(f, 8, 8, 6))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 20, 'E', 'x', 'i', 'f'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if info, err := readJPEGInfo(bytes.NewReader(b)); err == nil && (info.orientation < 1 || info.orientation > 8) {
			t.Errorf("orientation %d", info.orientation)
		}
	})
}

func FuzzDeclare(f *testing.F) {
	f.Add("name.jpg", "jpg", "", "", "12")
	f.Fuzz(func(t *testing.T, name, ext, md5, sha, number string) {
		d, err := declare(func(key string) string {
			switch key {
			case "name":
				return name
			case "ext":
				return ext
			case "md5":
				return md5
			case "sha256":
				return sha
			}
			return number
		})
		if err != nil {
			return
		}
		head := journalHead{Owner: Principal{1 << 31, string(make([]byte, maxAppKeyLen)), string(make([]byte, maxAccountLen))}, Declared: d, Size: 1 << 60, Created: 1 << 60}
		if _, err := head.encode(); err != nil {
			t.Errorf("does not fit into a journal: %v", err)
		}
	})
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("<svg xmlns='http://www.w3.org/2000/svg'>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		mime, err := sniffAt(bytes.NewReader(b), int64(len(b)))
		if err != nil || mime == "" || bytes.ContainsAny([]byte(mime), "; \r\n") {
			t.Errorf("%q %v", mime, err)
		}
	})
}

// FuzzRangeReader compares it with a reader of the same bytes.
func FuzzRangeReader(f *testing.F) {
	content := text(1000, "ranges")
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		want := bytes.NewReader(content)
		got := &rangeReader{size: 1000, from: func(offset int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content[offset:])), nil
		}}
		for i := 0; i+1 < len(steps); i += 2 {
			if steps[i]&1 == 0 {
				a, errA := want.Seek(int64(steps[i+1])*5-100, int(steps[i]>>1)%3)
				b, errB := got.Seek(int64(steps[i+1])*5-100, int(steps[i]>>1)%3)
				if (errA == nil) != (errB == nil) || errA == nil && a != b {
					t.Fatalf("seek: %d %v, want %d %v", b, errB, a, errA)
				}
				continue
			}
			a, b := make([]byte, steps[i+1]), make([]byte, steps[i+1])
			na, _ := io.ReadFull(want, a)
			nb, _ := io.ReadFull(got, b)
			if na != nb || !bytes.Equal(a, b) {
				t.Fatalf("read %d bytes, want %d", nb, na)
			}
		}
	})
}
