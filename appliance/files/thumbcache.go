package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// thumbnails are those of this node: a cache on its disk, in folders by the first
// letters of the file's random part, and the turns of those that are being made.
type thumbnails struct {
	dir     string
	metrics *metrics
	memory  *semaphore.Weighted
	limit   atomic.Int64

	mu      sync.Mutex
	flights map[string]*flight // guarded by mu, by path
	waiting int                // guarded by mu
	bytes   int64              // guarded by mu: in the cache
}

// flight is one thumbnail that is being made, for all who want it.
type flight struct {
	done    chan struct{}
	content []byte
	err     error
}

func openThumbnails(dir string, m *metrics) (*thumbnails, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	t := &thumbnails{dir: dir, metrics: m, memory: semaphore.NewWeighted(thumbMemory), flights: map[string]*flight{}}
	for _, f := range t.list() {
		if strings.HasSuffix(f.path, newSuffix) { // of a process that was killed
			_ = os.Remove(f.path)
			continue
		}
		t.bytes += f.size
	}
	m.thumbBytes.Set(float64(t.bytes))
	return t, nil
}

const newSuffix = ".new"

func (t *thumbnails) setLimit(bytes int64) { t.limit.Store(bytes) }

func (t *thumbnails) folder(id fileID) string { return filepath.Join(t.dir, id.random[:2]) }

func (t *thumbnails) path(id fileID, size int) string {
	return filepath.Join(t.folder(id), id.String()+"-"+strconv.Itoa(size))
}

// thumbTimeout bounds the wait for a turn and for the original.
const thumbTimeout = time.Minute

// make returns what render makes and keeps it at path. Whoever wants the same
// meanwhile waits for it; it goes on when the first of them leaves.
func (t *thumbnails) make(ctx context.Context, path string, render func(context.Context) ([]byte, error)) ([]byte, error) {
	t.mu.Lock()
	if f := t.flights[path]; f != nil {
		t.mu.Unlock()
		select {
		case <-f.done:
			return f.content, f.err
		case <-ctx.Done():
			return nil, errNodeFull
		}
	}
	if t.waiting >= thumbWaiting {
		t.mu.Unlock()
		return nil, errNodeFull
	}
	f := &flight{done: make(chan struct{})}
	t.flights[path] = f
	t.waiting++
	t.mu.Unlock()
	f.err = errInternal // should render panic
	defer func() {
		t.mu.Lock()
		delete(t.flights, path)
		t.waiting--
		t.mu.Unlock()
		close(f.done)
	}()
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), thumbTimeout)
	defer cancel()
	if f.content, f.err = render(detached); f.err == nil {
		t.keep(path, f.content)
	}
	return f.content, f.err
}

// keep puts a thumbnail into the cache if it can: a full disk must not keep anybody
// from seeing it.
func (t *thumbnails) keep(path string, content []byte) {
	if os.Mkdir(filepath.Dir(path), 0o700) != nil {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return
		}
	}
	temporary := path + newSuffix
	err := os.WriteFile(temporary, content, 0o600)
	if err == nil {
		err = syncFile(temporary)
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return
	}
	t.mu.Lock()
	t.bytes += int64(len(content))
	t.metrics.thumbBytes.Set(float64(t.bytes))
	over := t.bytes > t.limit.Load()
	t.mu.Unlock()
	if over {
		t.trim()
	}
}

// forget removes the thumbnails of a file.
func (t *thumbnails) forget(id fileID) {
	paths, err := filepath.Glob(filepath.Join(t.folder(id), id.String()+"-*"))
	if err != nil {
		return
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			t.drop(cachedThumb{path, info.Size(), info.ModTime()})
		}
	}
}

func (t *thumbnails) drop(f cachedThumb) {
	if os.Remove(f.path) != nil {
		return
	}
	t.mu.Lock()
	t.bytes -= f.size
	t.metrics.thumbBytes.Set(float64(t.bytes))
	t.mu.Unlock()
}

type cachedThumb struct {
	path string
	size int64
	used time.Time
}

func (t *thumbnails) list() (all []cachedThumb) {
	_ = filepath.WalkDir(t.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // what cannot be read is not there
		}
		info, err := entry.Info()
		if err == nil {
			all = append(all, cachedThumb{path, info.Size(), info.ModTime()})
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return nil
	})
	return all
}

// trim removes the least used thumbnails while they take more than nine tenths of
// the limit, once they take more than it.
func (t *thumbnails) trim() {
	limit := t.limit.Load()
	t.mu.Lock()
	over := t.bytes > limit
	t.mu.Unlock()
	if !over {
		return
	}
	all := t.list()
	slices.SortFunc(all, func(a, b cachedThumb) int { return a.used.Compare(b.used) })
	for _, f := range all {
		t.mu.Lock()
		enough := t.bytes <= limit-limit/10
		t.mu.Unlock()
		if enough {
			return
		}
		if !strings.HasSuffix(f.path, newSuffix) {
			t.drop(f)
		}
	}
}
