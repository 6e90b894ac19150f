package caddymodules

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/files"
)

func TestTheFilesOptionSetsEveryField(t *testing.T) {
	t.Setenv("YIZHAN_TEST_S3_SECRET", "very secret")
	app, err := parseOption(t, `yizhan {
		files {
			off
			public_url https://im.example.com
			origins https://a.example https://b.example
			max_size 1MiB
			per_day 1GiB
			allow image/* audio/aac
			deny image/svg+xml
			tenant shop {
				max_size 2MiB
				per_day 3MiB
				allow video/*
				deny video/ogg
			}
			max_uploads 1
			max_unfinished 2
			max_transfers 3
			upload_expiry 4h
			grant_lifetime 5m
			link_lifetime 6m
			min_rate 7KiB
			min_free 8MiB
			thumbnails 100 200
			max_pixels 9
			thumbnail_cache 10MiB
			s3 http://127.0.0.1:9000 {
				region eu-1
				bucket b
				prefix p/
				access_key a
				secret_key {env.YIZHAN_TEST_S3_SECRET}
			}
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Files.validate(); err != nil {
		t.Fatal(err)
	}
	got := app.Files.config()
	want := files.Options{
		Disabled: true, PublicURL: "https://im.example.com", Origins: []string{"https://a.example", "https://b.example"},
		Default:    files.Limits{MaxSize: 1 << 20, PerDay: 1 << 30, Allow: []string{"image/*", "audio/aac"}, Deny: []string{"image/svg+xml"}},
		Tenants:    map[string]files.Limits{"shop": {MaxSize: 2 << 20, PerDay: 3 << 20, Allow: []string{"video/*"}, Deny: []string{"video/ogg"}}},
		MaxUploads: 1, MaxUnfinished: 2, MaxTransfers: 3, UploadExpiry: 4 * time.Hour, GrantLifetime: 5 * time.Minute, LinkLifetime: 6 * time.Minute,
		MinRate: 7 << 10, MinFree: 8 << 20, Thumbnails: []int{100, 200}, MaxPixels: 9, ThumbnailCache: 10 << 20,
		S3: &files.S3{Endpoint: "http://127.0.0.1:9000", Region: "eu-1", Bucket: "b", Prefix: "p/", AccessKey: "a", SecretKey: "very secret"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestABadFilesOptionIsRefusedWithWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"files x":                                    "wrong argument count",
		"files {\n max_sice 1\n}":                    `unknown files option "max_sice"`,
		"files {\n max_size\n}":                      "max_size takes exactly one value",
		"files {\n allow\n}":                         "allow takes one or more values",
		"files {\n thumbnails x\n}":                  "thumbnails",
		"files {\n tenant\n}":                        "tenant takes an appkey",
		"files {\n s3\n}":                            "s3 takes the server's address",
		"files {\n s3 x {\n buckt b\n}}":             `unknown s3 option "buckt"`,
		"files {\n tenant a {\n max_uploads 1\n}\n}": `unknown option "max_uploads" of a tenant's files`,
		"files {\n tenant a {\n}\n tenant a {\n max_size 1\n}\n}": "two blocks",
	} {
		_, err := parseOption(t, "yizhan {\n"+text+"\n}")
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"origins example.com":       "files origins",
		"allow png":                 "files allow and deny",
		"public_url x":              "files public_url",
		"link_lifetime 1ms":         "files link_lifetime",
		"s3 https://s3.example.com": "files s3",
	} {
		app, err := parseOption(t, "yizhan {\nfiles {\n"+text+"\n}\n}")
		if err != nil {
			t.Fatal(err)
		}
		if err := app.Files.validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
