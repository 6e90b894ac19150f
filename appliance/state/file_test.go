package state

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// testFile is the id of a file, another one for each n.
func testFile(n int) string {
	id := []byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	for i := len(id) - 1; n > 0; i, n = i-1, n/26 {
		id[i] = 'a' + byte(n%26)
	}
	return string(id)
}

func (n *node) fileTotals(tenant uint32, account string) string {
	n.tb.Helper()
	files, bytes, err := n.q.FileTotals(tenant, account)
	if err != nil {
		n.tb.Fatal(err)
	}
	return fmt.Sprintf("%d/%d", files, bytes)
}

func (n *node) storeFile(c StoreFile, want wire.Code) *FileResult {
	n.tb.Helper()
	res := one[*FileResult](n, &c)
	if res.Code != want {
		n.tb.Errorf("%+v: %+v, want %v", c, res, want)
	}
	return res
}

func TestFilesAreCounted(t *testing.T) {
	n := newNode(t)
	app, other := n.setup("app", "a", "b"), n.setup("other", "a")
	file := StoreFile{TimeMs: testTime, Tenant: app, Account: "a", ID: testFile(1), Size: 60, Type: "image/png", MaxBytes: 150, MaxAccountBytes: 100}
	n.storeFile(file, wire.CodeOK)
	if res := n.storeFile(file, wire.CodeOK); res.Files != 0 {
		t.Errorf("stored again: %+v", res)
	}
	changed := file
	changed.Size = 61
	n.storeFile(changed, wire.CodeRepeated)

	second := file
	second.ID, second.Size = testFile(2), 41
	if res := n.storeFile(second, wire.CodeCountLimit); !res.OfAccount {
		t.Error("the account's limit is not named")
	}
	second.Size = 40
	n.storeFile(second, wire.CodeOK)
	third := file
	third.ID, third.Account, third.Size = testFile(3), "b", 51
	if res := n.storeFile(third, wire.CodeCountLimit); res.OfAccount {
		t.Error("the tenant's limit is taken for the account's")
	}
	third.Account = "" // the backend is bound by the tenant's
	n.storeFile(third, wire.CodeCountLimit)
	third.Size = 50
	n.storeFile(third, wire.CodeOK)
	foreign := file
	foreign.Tenant = other
	n.storeFile(foreign, wire.CodeOK) // an id means a file in each tenant
	for _, c := range []StoreFile{{Tenant: app, Account: "nobody"}, {Tenant: 9}, {Tenant: 0}} {
		c.ID = testFile(4)
		n.storeFile(c, wire.CodeNotFound)
	}
	check := func(when string, want ...string) {
		t.Helper()
		got := []string{n.fileTotals(0, ""), n.fileTotals(app, ""), n.fileTotals(app, "a"), n.fileTotals(app, "b"), n.fileTotals(other, "a")}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	check("stored", "4/210", "3/150", "2/100", "0/0", "1/60")
	n.restart()
	check("after a restart", "4/210", "3/150", "2/100", "0/0", "1/60")

	res := one[*FileResult](n, &RemoveFiles{TimeMs: testTime, Tenant: app, IDs: []string{testFile(1), testFile(9), testFile(1)}})
	if res.Code != wire.CodeOK || res.Files != 1 || res.Bytes != 60 {
		t.Errorf("removed %+v", res)
	}
	check("removed", "3/150", "2/90", "1/40", "0/0", "1/60")
	n.apply(&RemoveFiles{TimeMs: testTime, Tenant: app, IDs: []string{testFile(2), testFile(3)}}, &RemoveFiles{TimeMs: testTime, Tenant: other, IDs: []string{testFile(1)}})
	check("all removed", "0/0", "0/0", "0/0", "0/0", "0/0")
	for _, row := range n.dump() {
		if row[0] >= tableFile && row[0] <= tableFileTotal {
			t.Errorf("left behind: %x", row)
		}
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	n := newNode(t)
	app := n.setup("app", "a")
	before := n.dump()
	good := StoreFile{TimeMs: testTime, Tenant: app, Account: "a", ID: testFile(1), Size: 1, Type: "image/png"}
	for name, change := range map[string]func(*StoreFile){
		"short id":       func(c *StoreFile) { c.ID = c.ID[1:] },
		"id with a sign": func(c *StoreFile) { c.ID = "/" + c.ID[1:] },
		"upper case":     func(c *StoreFile) { c.ID = "A" + c.ID[1:] },
		"size":           func(c *StoreFile) { c.Size = MaxFileBytes + 1 },
		"type":           func(c *StoreFile) { c.Type = "\xff" },
		"tag":            func(c *StoreFile) { c.Tag = string(make([]byte, MaxFileTag+1)) },
		"life":           func(c *StoreFile) { c.LifeMs = MaxFileLifeMs + 1 },
	} {
		c := good
		change(&c)
		if res := one[*FileResult](n, &c); res.Code != wire.CodeBadParameter {
			t.Errorf("%s: %v", name, res.Code)
		}
	}
	if res := one[*FileResult](n, &RemoveFiles{Tenant: app, IDs: []string{"x"}}); res.Code != wire.CodeBadParameter {
		t.Errorf("removing what is no id: %v", res.Code)
	}
	if res := one[*FileJobResult](n, &DeleteFiles{Tenant: app, FromMs: 2, ToMs: 1}); res.Code != wire.CodeBadParameter {
		t.Errorf("a time that ends before it begins: %v", res.Code)
	}
	if res := one[*FileJobResult](n, &DeleteFiles{Tenant: 7, ToMs: 1}); res.Code != wire.CodeNotFound {
		t.Errorf("a tenant that is not there: %v", res.Code)
	}
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("refused commands changed:\n%s", difference(before, after))
	}
}

func TestFilesThatAreOver(t *testing.T) {
	n := newNode(t)
	app, other := n.setup("app"), n.setup("other")
	store := func(tenant uint32, id int, timeMs, life int64) {
		n.storeFile(StoreFile{TimeMs: timeMs, Tenant: tenant, ID: testFile(id), LifeMs: life}, wire.CodeOK)
	}
	store(app, 1, testTime, 0)
	store(app, 2, testTime, 100)
	store(other, 3, testTime, 100)
	store(app, 4, testTime+50, 0)
	over := func(now, from int64, want ...int) {
		t.Helper()
		got, err := n.q.FilesOver(app, now, from)
		var ids []string
		for _, id := range want {
			ids = append(ids, testFile(id))
		}
		if err != nil || !slices.Equal(got, ids) {
			t.Errorf("at %d, kept from %d: %v %v, want %v", now-testTime, from-testTime, got, err, ids)
		}
	}
	over(testTime+99, 0)
	over(testTime+100, 0, 2)
	over(testTime+99, testTime)
	over(testTime+99, testTime+1, 1, 2)
	over(testTime+99, testTime+51, 1, 2, 4)
	n.apply(&RemoveFiles{TimeMs: testTime, Tenant: app, IDs: []string{testFile(2)}})
	over(testTime+1000, testTime+51, 1, 4)
	for i := range MaxRemovedFiles + 1 {
		store(app, 100+i, testTime+60, 0)
	}
	if got, err := n.q.FilesOver(app, testTime, testTime+99); err != nil || len(got) != MaxRemovedFiles {
		t.Errorf("%d files in one answer, %v", len(got), err)
	}
}

// TestDeletingFiles: a job names its files, and goes when it is told to.
func TestDeletingFiles(t *testing.T) {
	n := newNode(t)
	app, other := n.setup("app", "a"), n.setup("other")
	for i := range 10 {
		c := StoreFile{TimeMs: testTime + int64(i), Tenant: app, ID: testFile(i), Type: []string{"image/png", "video/mp4"}[i%2], Tag: []string{"x", "y", "z"}[i%3]}
		if i >= 8 {
			c.Account = "a"
		}
		n.storeFile(c, wire.CodeOK)
	}
	n.storeFile(StoreFile{TimeMs: testTime, Tenant: other, ID: testFile(1)}, wire.CodeOK)
	for _, c := range []struct {
		DeleteFiles
		want []int
	}{
		{DeleteFiles{FromMs: testTime + 2, ToMs: testTime + 4}, []int{2, 3, 4}},
		{DeleteFiles{FromMs: 0, ToMs: maxTimeMs, Type: "image/png"}, []int{0, 2, 4, 6, 8}},
		{DeleteFiles{FromMs: 0, ToMs: maxTimeMs, Tag: "x"}, []int{0, 3, 6, 9}},
		{DeleteFiles{FromMs: 0, ToMs: maxTimeMs, Type: "image/png", Tag: "x"}, []int{0, 6}},
		{DeleteFiles{FromMs: 0, ToMs: maxTimeMs, Account: "a"}, []int{8, 9}},
		{DeleteFiles{FromMs: testTime + 50, ToMs: testTime + 60}, nil}, // all of it is in the future
	} {
		c.TimeMs, c.Tenant = testTime+9, app
		id := one[*FileJobResult](n, &c.DeleteFiles).ID
		n.storeFile(StoreFile{TimeMs: testTime + 55, Tenant: other, ID: testFile(int(id) + 100)}, wire.CodeOK) // moves the clock
		n.restart()
		jobs, err := n.q.FileJobs()
		if err != nil || len(jobs) != 1 || jobs[0].ID != id || jobs[0].Tenant != app {
			t.Fatalf("jobs %+v %v", jobs, err)
		}
		var got []string
		for place, steps := []byte(nil), 0; ; steps++ {
			ids, next, err := n.q.FilesOfJob(&jobs[0], place)
			if err != nil || steps > 100 {
				t.Fatal(err)
			}
			got = append(got, ids...)
			if place = next; place == nil {
				break
			}
		}
		var want []string
		for _, i := range c.want {
			want = append(want, testFile(i))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", c.DeleteFiles, got, want)
		}
		for _, end := range []struct {
			tenant uint32
			code   wire.Code
		}{{other, wire.CodeNotFound}, {app, wire.CodeOK}, {app, wire.CodeNotFound}} {
			if res := one[*FileJobResult](n, &EndFileJob{TimeMs: testTime, Tenant: end.tenant, ID: id}); res.Code != end.code {
				t.Errorf("ending the job: %v, want %v", res.Code, end.code)
			}
		}
	}
}

func TestDeletionsUnderWayAreBounded(t *testing.T) {
	n := newNode(t)
	app, other := n.setup("app"), n.setup("other")
	for range MaxFileJobs {
		if res := one[*FileJobResult](n, &DeleteFiles{TimeMs: testTime, Tenant: app}); res.Code != wire.CodeOK {
			t.Fatal(res.Code)
		}
	}
	if res := one[*FileJobResult](n, &DeleteFiles{TimeMs: testTime, Tenant: app}); res.Code != wire.CodeCountLimit {
		t.Errorf("one more: %v", res.Code)
	}
	if res := one[*FileJobResult](n, &DeleteFiles{TimeMs: testTime, Tenant: other}); res.Code != wire.CodeOK {
		t.Errorf("of another tenant: %v", res.Code)
	}
}

// TestFilesModel: whatever is stored and removed, the totals are the sums of what
// is there, and no limit is passed.
func TestFilesModel(t *testing.T) {
	n := newNode(t)
	rapid.Check(t, func(rt *rapid.T) {
		n.wipe()
		tenants := []uint32{n.setup("app", "a", "b"), n.setup("other", "a")}
		type key struct {
			tenant uint32
			id     string
		}
		files := map[key]*StoreFile{}
		sum := func(tenant uint32, account string) (count, bytes uint64) {
			for k, f := range files {
				if (tenant == 0 || k.tenant == tenant) && (account == "" || f.Account == account) {
					count, bytes = count+1, bytes+f.Size
				}
			}
			return count, bytes
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			k := key{rapid.SampledFrom(tenants).Draw(rt, "tenant"), testFile(rapid.IntRange(0, 6).Draw(rt, "id"))}
			if rapid.Bool().Draw(rt, "remove") {
				res := one[*FileResult](n, &RemoveFiles{TimeMs: testTime, Tenant: k.tenant, IDs: []string{k.id}})
				if there := files[k] != nil; (res.Files == 1) != there {
					rt.Fatalf("removed %+v, there was one: %v", res, there)
				}
				delete(files, k)
				continue
			}
			c := &StoreFile{
				TimeMs: testTime, Tenant: k.tenant, ID: k.id, Account: rapid.SampledFrom([]string{"", "a"}).Draw(rt, "account"),
				Size: uint64(rapid.IntRange(0, 5).Draw(rt, "size")), MaxBytes: 12, MaxAccountBytes: 7,
			}
			_, all := sum(k.tenant, "")
			_, own := sum(k.tenant, "a")
			want := wire.CodeOK
			switch before := files[k]; {
			case before != nil && (before.Size != c.Size || before.Account != c.Account):
				want = wire.CodeRepeated
			case before != nil:
			case all+c.Size > 12, c.Account == "a" && own+c.Size > 7:
				want = wire.CodeCountLimit
			default:
				files[k] = c
			}
			if res := one[*FileResult](n, c); res.Code != want {
				rt.Fatalf("%+v: %+v, want %v", c, res, want)
			}
		}
		for _, of := range []struct {
			tenant  uint32
			account string
		}{{0, ""}, {tenants[0], ""}, {tenants[0], "a"}, {tenants[1], ""}, {tenants[1], "a"}} {
			count, bytes := sum(of.tenant, of.account)
			if got, want := n.fileTotals(of.tenant, of.account), fmt.Sprintf("%d/%d", count, bytes); got != want {
				rt.Fatalf("totals of %+v: %s, want %s", of, got, want)
			}
		}
	})
}
