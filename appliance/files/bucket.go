package files

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket keeps finished files in an S3 bucket, under <prefix><tenant>/<random>.
// What is known of a file is one header of its object, in base64url JSON, so that
// every node that uses the bucket can serve it.
type bucket struct {
	client *minio.Client
	name   string
	prefix string
}

const (
	metaHeader = "Yizhan" // X-Amz-Meta-Yizhan

	// s3PartSize is that of a multipart upload; smaller files are sent at once.
	s3PartSize = 16 << 20
	// s3Idle is how long the server may take to begin an answer.
	s3Idle    = 60 * time.Second
	s3Retries = 4
)

// newBucket connects to nothing yet: a node starts without its S3 server.
func newBucket(o S3) (*bucket, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("s3 endpoint: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = s3Idle
	transport.MaxIdleConnsPerHost = 32
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: u.Scheme == "https",
		Region: o.Region, Transport: transport, MaxRetries: s3Retries,
	})
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return &bucket{client, o.Bucket, o.Prefix}, nil
}

func (b *bucket) key(id fileID) string {
	return b.prefix + strconv.FormatUint(uint64(id.tenant), 10) + "/" + id.random
}

func (b *bucket) put(ctx context.Context, id fileID, m *meta, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := b.stat(ctx, id); err == nil {
			return nil // a crash came right after the part was removed
		}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.client.PutObject(ctx, b.name, b.key(id), f, m.Size, minio.PutObjectOptions{
		ContentType:  m.Type,
		UserMetadata: map[string]string{metaHeader: base64.RawURLEncoding.EncodeToString(text)},
		PartSize:     s3PartSize,
		NumThreads:   1, // the disk and the network are shared with messages
	})
	if err != nil {
		return b.error(err)
	}
	return os.Remove(path)
}

func (b *bucket) stat(ctx context.Context, id fileID) (*meta, error) {
	info, err := b.client.StatObject(ctx, b.name, b.key(id), minio.StatObjectOptions{})
	if err != nil {
		return nil, b.error(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(info.UserMetadata[metaHeader])
	if err != nil {
		return nil, fmt.Errorf("s3: object %s is not one of ours: %w", b.key(id), err)
	}
	m, err := decodeMeta(text)
	if err != nil {
		return nil, fmt.Errorf("s3: object %s is not one of ours: %w", b.key(id), err)
	}
	if m.Size != info.Size {
		return nil, fmt.Errorf("s3: object %s has %d bytes instead of %d", b.key(id), info.Size, m.Size)
	}
	return m, nil
}

func (b *bucket) open(ctx context.Context, id fileID) (*meta, io.ReadSeekCloser, error) {
	m, err := b.stat(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return m, &rangeReader{size: m.Size, from: func(offset int64) (io.ReadCloser, error) {
		var o minio.GetObjectOptions
		if offset > 0 {
			if err := o.SetRange(offset, 0); err != nil {
				return nil, err
			}
		}
		content, _, _, err := (&minio.Core{Client: b.client}).GetObject(ctx, b.name, b.key(id), o)
		if err != nil {
			return nil, b.error(err)
		}
		return content, nil
	}}, nil
}

func (b *bucket) remove(ctx context.Context, id fileID) error {
	return b.error(b.client.RemoveObject(ctx, b.name, b.key(id), minio.RemoveObjectOptions{}))
}

// maxAborts bounds one abort.
const maxAborts = 1000

// abort gives up multipart uploads of ours: their parts take place in the bucket and
// are shown nowhere. Those of others who use the bucket stay.
func (b *bucket) abort(ctx context.Context, before time.Time) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the list
	aborted := 0
	for info := range b.client.ListIncompleteUploads(ctx, b.name, b.prefix, true) {
		if info.Err != nil {
			return aborted, b.error(info.Err)
		}
		if !info.Initiated.Before(before) || !b.owns(info.Key) {
			continue
		}
		if err := (&minio.Core{Client: b.client}).AbortMultipartUpload(ctx, b.name, info.Key, info.UploadID); err != nil {
			if minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
				continue // it has ended meanwhile
			}
			return aborted, b.error(err)
		}
		if aborted++; aborted == maxAborts {
			break
		}
	}
	return aborted, nil
}

// owns reports whether key is one that b makes.
func (b *bucket) owns(key string) bool {
	tenant, random, ok := strings.Cut(strings.TrimPrefix(key, b.prefix), "/")
	id, err := parseID(tenant + "-" + random)
	return ok && err == nil && b.key(id) == key
}

// error tells "no such file" from a storage that does not answer.
func (b *bucket) error(err error) error {
	if err == nil {
		return nil
	}
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchKey, "NotFound":
		return errNotFound
	}
	return &storageError{err}
}

// storageError is a failure of the S3 server: clients are told to try again, and
// the log has the cause.
type storageError struct{ cause error }

func (e *storageError) Error() string {
	return "s3: " + strings.ReplaceAll(e.cause.Error(), "\n", " ")
}
func (e *storageError) Unwrap() error { return e.cause }

// rangeReader reads an object from wherever it is sought to, with one request for
// each run of reads.
type rangeReader struct {
	size, offset int64
	from         func(offset int64) (io.ReadCloser, error)
	body         io.ReadCloser // nil before the first read after a seek
}

func (r *rangeReader) Read(b []byte) (int, error) {
	if r.offset >= r.size {
		return 0, io.EOF
	}
	if r.body == nil {
		var err error
		if r.body, err = r.from(r.offset); err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(b)
	r.offset += int64(n)
	if err == io.EOF && r.offset < r.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (r *rangeReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("files: seek before the start")
	}
	if offset != r.offset {
		r.offset = offset
		return offset, r.Close()
	}
	return offset, nil
}

func (r *rangeReader) Close() error {
	if r.body == nil {
		return nil
	}
	body := r.body
	r.body = nil
	return body.Close()
}
