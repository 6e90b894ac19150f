package main_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fileClient uploads and downloads as an app does, over HTTPS and HTTP/2.
type fileClient struct {
	n     *node
	http  *http.Client
	grant string
}

type fileResult struct {
	ID   string
	Body struct {
		Name, URL, MD5 string
		Size           int64
	}
	SHA256, Link string
}

func (n *node) fileClient(account string) *fileClient {
	n.t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	n.t.Cleanup(transport.CloseIdleConnections)
	c := &fileClient{n: n, http: &http.Client{Transport: transport}}
	demo := n.demo()
	b, _ := json.Marshal(map[string]string{"appKey": demo.AppKey, "account": account, "token": demo.Tokens[account]})
	var g struct{ Grant string }
	resp, b := c.do("POST", "/files/grant", bytes.NewReader(b), "Content-Type", "application/json")
	c.json(resp, b, &g)
	c.grant = g.Grant
	return c
}

func (c *fileClient) try(method, path string, body io.Reader, header ...string) (*http.Response, []byte, error) {
	if !strings.Contains(path, "://") {
		path = "https://" + c.n.https + path
	}
	r, err := http.NewRequest(method, path, body)
	if err != nil {
		return nil, nil, err
	}
	if c.grant != "" {
		r.Header.Set("Authorization", "Bearer "+c.grant)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if n := r.Header.Get("Content-Length"); n != "" {
		r.ContentLength, _ = strconv.ParseInt(n, 10, 64)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

func (c *fileClient) do(method, path string, body io.Reader, header ...string) (*http.Response, []byte) {
	c.n.t.Helper()
	resp, b, err := c.try(method, path, body, header...)
	if err != nil {
		c.n.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, b
}

func (c *fileClient) json(resp *http.Response, b []byte, into any) {
	c.n.t.Helper()
	if err := json.Unmarshal(b, into); err != nil || resp.StatusCode != http.StatusOK {
		c.n.t.Fatalf("%s %v\n%s", resp.Status, err, b)
	}
}

func (c *fileClient) create(size int) (url string) {
	c.n.t.Helper()
	resp, b := c.do("POST", "/files/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(size))
	if resp.StatusCode != http.StatusCreated {
		c.n.t.Fatalf("%s %s", resp.Status, b)
	}
	return resp.Header.Get("Location")
}

func (c *fileClient) offset(url string) int {
	c.n.t.Helper()
	resp, _ := c.do("HEAD", url, nil, "Tus-Resumable", "1.0.0")
	offset, err := strconv.Atoi(resp.Header.Get("Upload-Offset"))
	if err != nil || resp.StatusCode != http.StatusOK {
		c.n.t.Fatalf("HEAD: %s %v", resp.Status, err)
	}
	return offset
}

// patch sends what body has; it is broken off when body fails.
func (c *fileClient) patch(url string, offset, size int, body io.Reader) (*http.Response, error) {
	resp, _, err := c.try("PATCH", url, body, "Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream",
		"Upload-Offset", strconv.Itoa(offset), "Content-Length", strconv.Itoa(size))
	return resp, err
}

func (c *fileClient) finished(url string, content []byte) *fileResult {
	c.n.t.Helper()
	var r fileResult
	resp, b := c.do("GET", url, nil)
	c.json(resp, b, &r)
	sum := sha256.Sum256(content)
	if r.SHA256 != hex.EncodeToString(sum[:]) || r.Body.Size != int64(len(content)) {
		c.n.t.Fatalf("another content: %s", b)
	}
	if resp, b := c.do("GET", r.Link, nil); resp.StatusCode != http.StatusOK || !bytes.Equal(b, content) {
		c.n.t.Fatalf("the download: %s, %d bytes", resp.Status, len(b))
	}
	return &r
}

// noise is content that compresses to nothing smaller.
func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// TestUploadGoesOnAfterKill kills the node with SIGKILL in the middle of an
// upload, several times: it goes on where the node says, with the same grant, and
// the file is what was sent.
func TestUploadGoesOnAfterKill(t *testing.T) {
	n := newNode(t).start()
	c := n.fileClient("alice")
	content := noise(40 << 20)
	url := c.create(len(content))
	at := 0
	for kill := 1; kill <= 3; kill++ {
		until := at + 11<<20
		body, sender := io.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = c.patch(url, at, len(content)-at, body)
		}()
		if _, err := sender.Write(content[at:until]); err != nil {
			t.Fatal(err)
		}
		n.waitFor("most of it has come", func() bool { return n.fileMetric("received_bytes_total") > 10<<20 })
		n.kill()
		_ = sender.CloseWithError(io.ErrUnexpectedEOF)
		<-ended
		n.start()
		before := at
		if at = c.offset(url); at < before+8<<20 || at > until {
			t.Fatalf("kill %d: goes on at %d, after %d and up to %d were sent", kill, at, before, until)
		}
	}
	if resp, err := c.patch(url, at, len(content)-at, bytes.NewReader(content[at:])); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp, err)
	}
	r := c.finished(url, content)
	n.kill()
	n.start()
	c.finished(url, content) // an acknowledged file is there
	if resp, _ := n.fileClient("bob").do("GET", r.Body.URL, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("bob: %s", resp.Status)
	}
}

// fileMetric is the sum of a metric of files.
func (n *node) fileMetric(name string) (sum float64) {
	n.t.Helper()
	for line := range strings.Lines(n.get("http://" + n.admin + "/metrics")) {
		if labels, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(labels, "yizhan_files_"+name) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				n.t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// TestReloadBreaksSlowTransfersOffAtLast: a reload waits for transfers no longer
// than drain, and what has come stays.
func TestReloadBreaksSlowTransfersOffAtLast(t *testing.T) {
	n := newNode(t).start()
	c := n.fileClient("alice")
	content := noise(2 << 20)
	url := c.create(len(content))
	body, sender := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		resp, err := c.patch(url, 0, len(content), body)
		if err == nil && resp.StatusCode != http.StatusServiceUnavailable {
			err = fmt.Errorf("status %s", resp.Status)
		} else {
			err = nil // told, or cut off
		}
		ended <- err
	}()
	if _, err := sender.Write(content[:1<<20]); err != nil {
		t.Fatal(err)
	}
	n.waitFor("most of it has come", func() bool { return n.fileMetric("received_bytes_total") > 900<<10 })
	if err := n.reload(n.caddyfile("max_size 100MiB", "max_size 3MiB", "drain 3s", "drain 100ms")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_ = sender.Close()
	at := c.offset(url)
	if at < 900<<10 {
		t.Errorf("goes on at %d", at)
	}
	if resp, err := c.patch(url, at, len(content)-at, bytes.NewReader(content[at:])); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp, err)
	}
	c.finished(url, content)
	if resp, b := c.do("POST", "/files/upload", bytes.NewReader(noise(3<<20+1))); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("the new limit does not hold: %s %s", resp.Status, b)
	}
}

// TestAccessLogWithoutSignatures is the README's advice.
func TestAccessLogWithoutSignatures(t *testing.T) {
	n := newNode(t).start()
	log := filepath.Join(t.TempDir(), "access.log")
	if err := n.reload(n.caddyfile("tls internal\n", `tls internal
	log {
		output file `+log+`
		format filter {
			request>uri query {
				replace s REDACTED
			}
		}
	}
`)); err != nil {
		t.Fatal(err)
	}
	c := n.fileClient("alice")
	var r fileResult
	resp, b := c.do("POST", "/files/upload?name=x.txt", strings.NewReader("some text"))
	c.json(resp, b, &r)
	if resp, _ := c.do("GET", r.Link, nil); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	_, signature, _ := strings.Cut(r.Link, "&s=")
	n.waitFor("the download is logged", func() bool {
		b, _ := os.ReadFile(log)
		return bytes.Contains(b, []byte("s=REDACTED"))
	})
	for _, file := range []string{log, filepath.Join(n.dir, "yizhan.log")} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(signature)) || bytes.Contains(b, []byte(c.grant)) {
			t.Errorf("%s has a signature or a grant", file)
		}
	}
}
