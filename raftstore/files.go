package raftstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Names inside Options.Dir. Changing these breaks compatibility.
const (
	lockName     = "LOCK"      // flock of the process that has the folder open
	identityName = "IDENTITY"  // who this folder belongs to
	ballastName  = "BALLAST"   // space given back when the disk is full
	logDir       = "raft"      // Raft's log, term and vote
	logName      = "raft.db"   //
	stateRoot    = "state"     // state/<generation>: one Pebble database
	snapRoot     = "snapshots" // snapshots/<id>
	tmpPrefix    = "tmp-"      // never completed: removed at start
)

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeFileDurably replaces a file so that after a crash either the old or the
// new content is there.
func writeFileDurably(path string, data []byte) error {
	tmp := filepath.Join(filepath.Dir(path), tmpPrefix+filepath.Base(path))
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// renameDurably renames within one folder.
func renameDurably(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// removeTemps removes what a crash left unfinished in dir.
func removeTemps(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasPrefix(n.Name(), tmpPrefix) {
			if err := os.RemoveAll(filepath.Join(dir, n.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies the content of one file and makes it durable.
func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// isEmptyDir reports whether dir is missing or has nothing in it.
func isEmptyDir(dir string) (bool, error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return len(names) == 0, err
}

// isDiskFull reports whether err says that there is no room for a write.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// statfsFree reports the bytes that this process can still write to dir's disk.
func statfsFree(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("raftstore: free space: %w", err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// lockDir takes the folder for this process; the returned file holds the lock
// until it is closed or the process ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s: stop the other process, or give this one its own folder", ErrInUse, dir)
		}
		return nil, fmt.Errorf("raftstore: lock %s: %w", dir, err)
	}
	return f, nil
}
