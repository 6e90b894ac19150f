package chat

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheBuiltFilesAreUpToDate builds the chat from its sources, and from the
// SDK's, and compares the result with the files that are checked in.
func TestTheBuiltFilesAreUpToDate(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT TESTED whether dist/ is up to date: %s is missing. Install Debian's nodejs and npm packages.", tool)
		}
	}
	built := filepath.Join(t.TempDir(), "dist")
	build := exec.Command("node", filepath.Join(webFolder(t), "chat", "build.mjs"), built)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the chat: %v\n%s", err, out)
	}
	got, want := contents(t, Files()), contents(t, os.DirFS(built))
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s is missing in dist/, or differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s in dist/ is left over", name)
		}
	}
	if t.Failed() {
		t.Log("dist/ is not built from these sources: in appliance/sdk/web run: npm ci && node chat/build.mjs")
	}
}

// webFolder is a folder with the sources and the packages that the build needs:
// this one, when `npm ci` has been run here, or a copy.
func webFolder(t *testing.T) string {
	t.Helper()
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(here, "node_modules", "esbuild")); err == nil {
		return here
	}
	folder := t.TempDir()
	for _, part := range []string{"package.json", "package-lock.json", ".npmrc", "tsconfig.json", "src", "chat/src", "chat/build.mjs"} {
		from, to := filepath.Join(here, part), filepath.Join(folder, part)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(from)
		switch {
		case err != nil:
		case info.IsDir():
			err = os.CopyFS(to, os.DirFS(from))
		default:
			var content []byte
			if content, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, content, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED whether dist/ is up to date: npm ci does not work here: %v\n%s", err, out)
	}
	return folder
}

func contents(t *testing.T, files fs.FS) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all[path], err = fs.ReadFile(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no files")
	}
	return all
}

// TestTheBuiltFilesNameNoFolders makes sure that a build says nothing of the
// machine that it was made on, and depends on nothing there.
func TestTheBuiltFilesNameNoFolders(t *testing.T) {
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range contents(t, Files()) {
		for _, text := range []string{here, "node_modules", "sourceMappingURL"} {
			if bytes.Contains(content, []byte(text)) {
				t.Errorf("%s contains %q", name, text)
			}
		}
	}
	if licenses, err := fs.ReadFile(Files(), "licenses.txt"); err != nil || !bytes.Contains(licenses, []byte("socket.io-client")) {
		t.Errorf("the licenses of what is built in are missing: %v", err)
	}
}
