package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// cacheFile keeps the last answer of LBS between runs. An empty path keeps nothing.
type cacheFile struct {
	path   string
	source string // what was asked: an answer to another question does not count
}

// cachedAnswer is the file's content, JSON.
type cachedAnswer struct {
	Source    string     `json:"source"`
	ExpiresMs int64      `json:"expires_ms"`
	Answer    *lbsAnswer `json:"answer"`
}

// read returns nil when there is no answer to this question.
func (c *cacheFile) read() (*lbsAnswer, time.Time, error) {
	if c.path == "" {
		return nil, time.Time{}, nil
	}
	b, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	var kept cachedAnswer
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, time.Time{}, fmt.Errorf("%s: %w", c.path, err)
	}
	if kept.Source != c.source || kept.Answer == nil {
		return nil, time.Time{}, nil
	}
	return kept.Answer, time.UnixMilli(kept.ExpiresMs), nil
}

func (c *cacheFile) write(answer *lbsAnswer, expires time.Time) error {
	if c.path == "" {
		return nil
	}
	b, err := json.Marshal(cachedAnswer{Source: c.source, ExpiresMs: expires.UnixMilli(), Answer: answer})
	if err != nil {
		return err
	}
	return replaceFile(c.path, b)
}

// replaceFile puts b in the place of the file at path, at once and on disk.
func replaceFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
