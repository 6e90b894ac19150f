package files

import (
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// imageDecoders are the formats that are looked into, by their type.
var imageDecoders = map[string]struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}{
	"image/jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"image/png":  {png.DecodeConfig, png.Decode},
	"image/gif":  {gif.DecodeConfig, gif.Decode}, // the first picture of several
	"image/webp": {webp.DecodeConfig, webp.Decode},
}

// picture is what an image's headers say. Nothing is decoded for it.
type picture struct {
	w, h        int // as stored
	orientation int // Exif's
	memory      int64
}

var errBadImage = errors.New("not an image that can be decoded")

// readPicture reads the headers of an image of a type in imageDecoders.
func readPicture(r io.ReadSeeker, mime string) (p picture, err error) {
	defer func() { // the decoders take what anybody uploads
		if recover() != nil {
			err = errBadImage
		}
	}()
	config, err := imageDecoders[mime].config(r)
	if err != nil || config.Width <= 0 || config.Height <= 0 {
		return p, errBadImage
	}
	p = picture{w: config.Width, h: config.Height, orientation: 1}
	perPixel := bytesPerPixel(config.ColorModel)
	if mime == "image/jpeg" {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return p, err
		}
		info, err := readJPEGInfo(r)
		if err != nil {
			return p, errBadImage
		}
		p.orientation = info.orientation
		if info.progressive {
			perPixel *= 5 // the decoder keeps every coefficient in four bytes
		}
	}
	p.memory = int64(p.w) * int64(p.h) * perPixel
	return p, nil
}

// bytesPerPixel is what a decoded pixel takes.
func bytesPerPixel(m color.Model) int64 {
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	switch m {
	case color.GrayModel, color.AlphaModel:
		return 1
	case color.Gray16Model, color.Alpha16Model:
		return 2
	case color.YCbCrModel:
		return 3
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	default:
		return 4
	}
}

// shown is the size as it is shown.
func (p *picture) shown() (w, h int) {
	if p.orientation >= 5 {
		return p.h, p.w
	}
	return p.w, p.h
}

// imageSize is the size of an image as it is shown, if it is one.
func imageSize(r io.ReadSeeker, mime string) (w, h int, ok bool) {
	if _, known := imageDecoders[mime]; !known {
		return 0, 0, false
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 0, 0, false
	}
	p, err := readPicture(r, mime)
	if err != nil || p.w > maxDim || p.h > maxDim {
		return 0, 0, false
	}
	w, h = p.shown()
	return w, h, true
}
