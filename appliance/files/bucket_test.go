package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// gatewayModule is a real S3 server, built for these tests through the Go module
// proxy. It is no dependency of this module: it would bring hundreds of others.
const gatewayModule = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// gateway builds the S3 server once.
var gateway = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "yizhan-s3-")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "install", gatewayModule)
	build.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("%w\n%s", err, out), os.RemoveAll(dir))
	}
	return filepath.Join(dir, "versitygw"), nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if gatewayBuilt {
		if path, err := gateway(); err == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

var gatewayBuilt bool

// s3Server is a running S3 server with one bucket.
type s3Server struct {
	t       *testing.T
	dir     string
	address string
	cmd     *exec.Cmd
	out     *lockedBuffer
	done    chan struct{}
}

const (
	testAccess = "yizhan"
	testSecret = "a-secret-of-this-test"
	testBucket = "messages"
)

func newS3(t *testing.T) *s3Server {
	t.Helper()
	if testing.Short() {
		t.Skip("building an S3 server takes minutes at the first time")
	}
	gatewayBuilt = true
	if _, err := gateway(); err != nil {
		t.Skipf("NOT TESTED AGAINST A REAL S3 SERVER: %s cannot be built: %v", gatewayModule, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &s3Server{t: t, dir: t.TempDir(), address: l.Addr().String()}
	if err := errors.Join(l.Close(), os.MkdirAll(filepath.Join(s.dir, "data", testBucket), 0o700), os.MkdirAll(filepath.Join(s.dir, "meta"), 0o700)); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *s3Server) start() {
	s.t.Helper()
	path, err := gateway()
	if err != nil {
		s.t.Fatal(err)
	}
	s.out = new(lockedBuffer)
	s.cmd = exec.Command(path, "--port", s.address, "--access", testAccess, "--secret", testSecret, "--quiet",
		"posix", "--sidecar", filepath.Join(s.dir, "meta"), filepath.Join(s.dir, "data"))
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.Dir = s.dir
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	cmd, done := s.cmd, s.done
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
	eventually(s.t, "the S3 server answers", func() bool {
		select {
		case <-done:
			s.t.Fatalf("the S3 server has ended:\n%s", s.out)
		default:
		}
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (s *s3Server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
	s.cmd = nil
}

func (s *s3Server) options() *S3 {
	return &S3{Endpoint: "http://" + s.address, Bucket: testBucket, Prefix: "files/", AccessKey: testAccess, SecretKey: testSecret}
}

// objects are the keys in the bucket.
func (s *s3Server) objects() (keys []string) {
	s.t.Helper()
	root := filepath.Join(s.dir, "data", testBucket)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			key, _ := filepath.Rel(root, path)
			keys = append(keys, filepath.ToSlash(key))
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return keys
}

func TestFilesInABucket(t *testing.T) {
	s3 := newS3(t)
	s := newSite(t, func(o *Options) { o.S3 = s3.options() })
	alice := s.alice()

	content := text(50_000, "in a bucket")
	r := s.put(alice, "name=notes.txt", content).result(t)
	if keys := s3.objects(); len(keys) != 1 || keys[0] != "files/7/"+strings.TrimPrefix(r.ID, "7-") {
		t.Errorf("keys %v", keys)
	}
	if a := s.do("GET", r.Link, nil).is(t, http.StatusOK); !bytes.Equal(a.body, content) || a.header.Get("Content-Disposition") != "attachment; filename=notes.txt" {
		t.Errorf("%v", a.header)
	}
	a := s.do("GET", r.Link, nil, "Range", "bytes=49990-").is(t, http.StatusPartialContent)
	if !bytes.Equal(a.body, content[49_990:]) {
		t.Error("another range")
	}
	s.do("GET", r.Link, nil, "If-None-Match", `"`+r.SHA256+`"`).is(t, http.StatusNotModified)
	s.do("HEAD", r.Link, nil).is(t, http.StatusOK)

	// A large one is sent in parts.
	big := text(3*s3PartSize+12_345, "in parts")
	u := s.newTus(alice, len(big), "filename", "big.log")
	for at := 0; at < len(big); at = u.offset() {
		u.patch(at, bytes.NewReader(big[at:min(len(big), at+20<<20)])).is(t, http.StatusNoContent)
	}
	rb := u.result().result(t)
	if rb.SHA256 != a256(big) {
		t.Error("another content")
	}
	if a := s.do("GET", rb.Link, nil).is(t, http.StatusOK); !bytes.Equal(a.body, big) {
		t.Error("another content")
	}
	empty := s.put(alice, "", nil).result(t)
	if a := s.do("GET", empty.Link, nil).is(t, http.StatusOK); len(a.body) != 0 {
		t.Error("not empty")
	}

	picture := s.put(alice, "name=p.png", pngImage(t, 600, 300)).result(t)
	if img, _ := s.thumb(picture, 128); img.Bounds().Dx() != 128 {
		t.Errorf("%v", img.Bounds())
	}

	// Another node of the site serves it too.
	other := newSite(t, func(o *Options) { o.S3 = s3.options() })
	other.keys = s.keys
	other.crash()
	a = other.do("GET", other.http.URL+r.Link[strings.Index(r.Link, "/files/"):], nil).is(t, http.StatusOK)
	if !bytes.Equal(a.body, content) {
		t.Error("another content at another node")
	}

	s.do("DELETE", "/files/o/"+r.ID, nil, "Authorization", s.bearer("shop", "carol")).refused(t, errNotFound)
	s.do("DELETE", "/files/o/"+r.ID, nil, "Authorization", alice).is(t, http.StatusNoContent)
	s.do("GET", r.Link, nil).refused(t, errNotFound)
	if keys := s3.objects(); len(keys) != 3 {
		t.Errorf("keys %v", keys)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBucketIsAway: a complete upload waits for the S3 server, also over a crash.
func TestBucketIsAway(t *testing.T) {
	s3 := newS3(t)
	s := newSite(t, func(o *Options) { o.S3 = s3.options() })
	alice := s.alice()
	content := text(5000, "waits")
	r := s.put(alice, "", content).result(t)
	u := s.newTus(alice, len(content))
	s3.stop()
	u.patch(0, bytes.NewReader(content)).refused(t, errStorage)
	u.request("HEAD", nil).is(t, http.StatusBadGateway) // not "all of it is here"
	s.put(alice, "", content).refused(t, errStorage)
	s.do("GET", r.Link, nil).refused(t, errStorage)
	s.crash()
	u.url = s.http.URL + u.url[strings.Index(u.url, "/files/"):]
	u.result().refused(t, errStorage)
	waiting := s.newTus(s.alice(), len(content))
	waiting.patch(0, bytes.NewReader(content)).refused(t, errStorage)
	s3.start()
	s.server.finishLeft() // the client has gone
	if n, _ := s.server.quota.counts(); n != 0 {
		t.Errorf("%d uploads still wait", n)
	}
	if r := u.result().result(t); r.SHA256 != a256(content) {
		t.Error("another content")
	}
	if u.offset() != len(content) {
		t.Error("not at its end")
	}
	log := s.log.String()
	if !strings.Contains(log, "connection refused") || strings.Contains(log, testSecret) {
		t.Errorf("the log must have the cause and no secret:\n%s", log)
	}

	s.setOptions(func(o *Options) { o.S3 = s3.options(); o.S3.SecretKey = "wrong" })
	s.put(alice, "", content).refused(t, errStorage)
	s.setOptions(func(o *Options) { o.S3 = s3.options() })
	s.put(alice, "", content).is(t, http.StatusOK)
}
