package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// local keeps finished files on this node's disk: the content under
// <dir>/<tenant>/<ab>/<cd>/<random>, and what is known of it in a second file with
// the ending .json. A file exists once its content has its name; the .json is there
// before that.
type local struct{ dir string }

const metaSuffix = ".json"

func (l *local) path(id fileID) string {
	return filepath.Join(l.dir, strconv.FormatUint(uint64(id.tenant), 10), id.random[:2], id.random[2:4], id.random)
}

func (l *local) put(_ context.Context, id fileID, m *meta, part string) error {
	path := l.path(id)
	if _, err := os.Stat(part); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(path); err == nil {
			return nil // a crash came right after the rename
		}
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := makeDirs(l.dir, filepath.Dir(path)); err != nil {
		return err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := removeFile(path + metaSuffix); err != nil { // of a former try
		return err
	}
	if err := createFile(path+metaSuffix, text); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (l *local) stat(_ context.Context, id fileID) (*meta, error) {
	if _, err := os.Stat(l.path(id)); err != nil {
		return nil, notFound(err)
	}
	return l.meta(id)
}

func (l *local) meta(id fileID) (*meta, error) {
	f, err := os.Open(l.path(id) + metaSuffix)
	if err != nil {
		return nil, notFound(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMetaLen))
	if err != nil {
		return nil, err
	}
	m, err := decodeMeta(b)
	if err != nil {
		return nil, fmt.Errorf("file %s: %s is damaged: %w", id, metaSuffix, err)
	}
	return m, nil
}

func (l *local) open(_ context.Context, id fileID) (*meta, io.ReadSeekCloser, error) {
	f, err := os.Open(l.path(id))
	if err != nil {
		return nil, nil, notFound(err)
	}
	m, err := l.meta(id)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return m, f, nil
}

func (l *local) remove(_ context.Context, id fileID) error {
	path := l.path(id)
	return errors.Join(removeFile(path), removeFile(path+metaSuffix))
}

// abort has nothing to do: put leaves nothing but an unfinished upload.
func (l *local) abort(context.Context, time.Time) (int, error) { return 0, nil }

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errNotFound
	}
	return err
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// dirs is held while folders are made: whoever finds one there may rely on it to be
// on disk.
var dirs sync.Mutex

// makeDirs makes dir and what is missing between it and root, durably.
func makeDirs(root, dir string) error {
	dirs.Lock()
	defer dirs.Unlock()
	return makeDirsLocked(root, dir)
}

func makeDirsLocked(root, dir string) error {
	if dir == root {
		return nil
	}
	err := os.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := makeDirsLocked(root, filepath.Dir(dir)); err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	case err != nil:
		return err
	}
	return syncDir(filepath.Dir(dir))
}
