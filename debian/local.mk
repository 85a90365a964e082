EXTRA_DIST += \
	%D%/changelog \
	%D%/control \
	%D%/copyright \
	%D%/libapache2-mod-pdc.apache2 \
	%D%/libapache2-mod-pdc.examples \
	%D%/libapache2-mod-pdc.install \
	%D%/libpdc-dev.examples \
	%D%/libpdc-dev.install \
	%D%/libpdc0.install \
	%D%/libpdc0.symbols \
	%D%/not-installed \
	%D%/pdc.conf \
	%D%/pdc.docs \
	%D%/pdc.install \
	%D%/pdc.load \
	%D%/pdc.postrm \
	%D%/rules \
	%D%/source/format

# The Debian packages, in deb/, of what is in the tarball.
.PHONY: deb
deb: dist
	rm -rf deb && $(MKDIR_P) deb
	tar -xzf $(distdir).tar.gz -C deb
	cd deb/$(distdir) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		dpkg-buildpackage -us -uc -b
	rm -rf deb/$(distdir)
