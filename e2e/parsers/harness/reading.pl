# What CGI.pm and Plack read of requests that a web server hands over, in the format of reading.go.
use strict;
use warnings;
no warnings 'uninitialized';
use CGI ();
use Plack::Request ();
use URI::Escape qw(uri_unescape);

my ($authorize, $token) = @ARGV;
my %endpoints = ($authorize => 'authorize', $token => 'token');

sub text { my ($value) = @_; return pack('N', length $value) . $value }

sub reading {
    my ($endpoint, @pairs) = @_;
    return text($endpoint) . pack('N', @pairs / 2) . join('', map { text($_) } @pairs);
}

sub with_cgi {
    my ($env, $body) = @_;
    local %ENV = (%ENV, %$env, GATEWAY_INTERFACE => 'CGI/1.1');
    local *STDIN;
    open STDIN, '<', \$body or die $!;
    CGI::initialize_globals();
    my $cgi = CGI->new;
    my @pairs;
    for my $name ($cgi->multi_param) { push @pairs, map { ($name, $_) } $cgi->multi_param($name) }
    if ($env->{REQUEST_METHOD} eq 'POST') {
        for my $name ($cgi->url_param) { push @pairs, map { ($name, $_) } $cgi->url_param($name) }
    }
    return reading($endpoints{ $env->{PATH_INFO} }, @pairs);
}

sub with_plack {
    my ($env, $body) = @_;
    open my $input, '<', \$body or die $!;
    my $request = Plack::Request->new({ %$env, 'psgi.input' => $input, 'psgi.url_scheme' => 'http' });
    return reading($endpoints{ $request->path_info }, $request->query_parameters->flatten, $request->body_parameters->flatten);
}

binmode STDIN;
binmode STDOUT;
$| = 1;
open my $source, '<&', \*STDIN or die $!;
binmode $source;
while (read($source, my $head, 4) == 4) {
    my $size = unpack 'N', $head;
    read($source, my $frame, $size) == $size or die 'incomplete';
    my ($method, $path, $query, $type, $body) = unpack '(N/a*)*', $frame;
    my %env = (
        REQUEST_METHOD => $method, SCRIPT_NAME => '', PATH_INFO => uri_unescape($path), QUERY_STRING => $query, CONTENT_LENGTH => length $body,
        SERVER_NAME => 'localhost', SERVER_PORT => 80, HTTP_HOST => 'localhost', SERVER_PROTOCOL => 'HTTP/1.1', REQUEST_URI => $path,
    );
    $env{CONTENT_TYPE} = $type if length $type;
    my $answers = '';
    for my $parse (\&with_cgi, \&with_plack) {
        my $answer = eval { $parse->(\%env, $body) };
        $answers .= defined $answer ? $answer : text('!error') . pack('N', 0);
    }
    print text($answers);
}
