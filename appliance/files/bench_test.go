package files

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// forBench is a site whose limits are out of the way.
func forBench(b *testing.B) *site {
	return newSite(b, func(o *Options) {
		o.Default = Limits{MaxSize: 1 << 30, PerDay: 1 << 60}
		o.MaxUploads = 1 << 20
		o.MaxUnfinished = 1 << 20
	})
}

func BenchmarkUpload(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20, 100 << 20} {
		content := text(size, "bench")
		b.Run(fmt.Sprintf("single/%dKiB", size>>10), func(b *testing.B) {
			s := forBench(b)
			alice := s.alice()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				s.put(alice, "", content).is(b, http.StatusOK)
			}
		})
		b.Run(fmt.Sprintf("resumable/%dKiB", size>>10), func(b *testing.B) {
			s := forBench(b)
			alice := s.alice()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				s.newTus(alice, size).patch(0, bytes.NewReader(content)).is(b, http.StatusNoContent)
			}
		})
	}
}

func BenchmarkDownload(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20, 100 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s := forBench(b)
			r := s.put(s.alice(), "", text(size, "bench")).result(b)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				resp, err := http.Get(r.Link)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				if err != nil || n != int64(size) {
					b.Fatal(n, err)
				}
				resp.Body.Close()
			}
		})
	}
}

func BenchmarkThumbnail(b *testing.B) {
	for name, content := range map[string][]byte{"jpeg/12MP": jpegImage(b, 4000, 3000, 6), "png/2MP": pngImage(b, 1600, 1200)} {
		b.Run(name, func(b *testing.B) {
			mime := sniff(content)
			b.ReportAllocs()
			for b.Loop() {
				img, err := decodeImage(bytes.NewReader(content), mime)
				if err != nil {
					b.Fatal(err)
				}
				shrink(img, 256)
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	k := newSigner([]byte("a key of this test"))
	p := Principal{7, "shop", "alice"}
	now := time.Unix(1000, 0)
	grant := k.grant(p, now.Add(1e9))
	b.Run("check a grant", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.checkGrant(grant, now); err != nil {
				b.Fatal(err)
			}
		}
	})
	id := newID(7)
	b.Run("make a link", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			k.link(id, now)
		}
	})
}

// BenchmarkMemoryPerUpload is what the server and its HTTP server hold for each
// upload that is under way and waits for its client, and for one that is only
// unfinished.
func BenchmarkMemoryPerUpload(b *testing.B) {
	const uploads = 200
	for b.Loop() {
		s := forBench(b)
		alice := s.alice()
		before := heap()
		var all []*tus
		for range uploads {
			all = append(all, s.newTus(alice, 100_000))
		}
		idle := heap()
		var senders []*io.PipeWriter
		ended := make(chan struct{}, uploads)
		for _, u := range all {
			body, sender := io.Pipe()
			senders = append(senders, sender)
			go func() { _, _ = sender.Write(text(50_000, "x")) }()
			go func() {
				defer func() { ended <- struct{}{} }()
				r, err := http.NewRequest("PATCH", u.url, body)
				if err != nil {
					b.Error(err)
					return
				}
				r.ContentLength = 100_000
				for name, value := range map[string]string{"Authorization": alice, "Tus-Resumable": "1.0.0", "Upload-Offset": strconv.Itoa(0), "Content-Type": "application/offset+octet-stream"} {
					r.Header.Set(name, value)
				}
				if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
					resp.Body.Close()
				}
			}()
		}
		eventually(b, "all have come half way", func() bool {
			return s.metric("transfers") == uploads && s.metric("received_bytes_total") >= uploads*45_000
		})
		running := heap()
		b.ReportMetric(float64(idle-before)/uploads, "B/unfinished")
		b.ReportMetric(float64(running-idle)/uploads, "B/running(with-client)")
		for _, sender := range senders {
			_ = sender.CloseWithError(io.ErrUnexpectedEOF)
		}
		for range uploads {
			<-ended
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
