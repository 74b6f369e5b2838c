# SPDX-License-Identifier: GPL-2.0-only
package SCST::SCST;

# A stand-in for scstadmin's module: SCST's files in sysfs, with the modules of Perl's
# that the real one uses.

use Fcntl ':mode';
use File::Spec;
use IO::Handle;
use IO::File;
use strict;
use Carp qw(cluck);
use POSIX;

our $VERSION = '1.0.0';

my $ROOT = '/sys/kernel/scst_tgt';

sub new {
    my ($class) = @_;
    my $self = bless({}, $class);
    my ($version) = $self->get('version');

    die("there is no SCST\n") if (!defined($version));
    return $self;
}

sub path {
    my ($self, @parts) = @_;

    return File::Spec->catfile($ROOT, @parts);
}

sub get {
    my ($self, @parts) = @_;
    my $io = IO::File->new($self->path(@parts), O_RDONLY) or return ();

    return $io->getlines();
}

sub put {
    my ($self, $text, @parts) = @_;
    my $path = $self->path(@parts);
    my $io = IO::File->new($path, O_WRONLY);

    die("$path: $!\n") if (!$io);
    die("$path does not take '$text': $!\n")
        if (!defined(syswrite($io, $text, length($text))));
}

# What mgmt says may be given: parameters of devices, attributes of targets.
sub available {
    my ($self, $what, @parts) = @_;

    foreach my $line ($self->get(@parts, 'mgmt')) {
        return map { $_ => 1 } split(/,\s*/, $1)
            if ($line =~ /^The following \Q$what\E available: *(.*)$/);
    }
    return ();
}

1;
