/* One pass in plain C over the same samples: tilt, vertical velocity, steps, peak. The floor for any core.
 * accel (n, 3) in g, gyro (n, 3) in deg/s; returns the number of steps, the largest |a| through peak. */
#include <math.h>

static const double PI = 3.14159265358979323846;

/* A second-order Butterworth section, bilinear; low-pass, or high-pass. */
typedef struct { double b0, b1, b2, a1, a2, s1, s2; } Section;

static Section section(double cutoff, double rate, int high) {
    double k = tan(PI * cutoff / rate), norm = 1 / (1 + sqrt(2) * k + k * k), b = high ? norm : k * k * norm;
    Section f = {b, high ? -2 * b : 2 * b, b, 2 * (k * k - 1) * norm, (1 - sqrt(2) * k + k * k) * norm, 0, 0};
    return f;
}

static double filter(Section *f, double x) {
    double y = f->b0 * x + f->s1;
    f->s1 = f->b1 * x - f->a1 * y + f->s2;
    f->s2 = f->b2 * x - f->a2 * y;
    return y;
}

long single_pass(const double *accel, const double *gyro, long n, double rate, double *peak) {
    Section low = section(2.5, rate, 0), high = section(0.7, rate, 1), smooth = section(5.0, rate, 0);
    double ux = 0, uy = 0, uz = 1, velocity = 0, last = 0, mean = 0, since = 1, turn = PI / 180 / rate;
    long steps = 0;
    int armed = 0;
    *peak = 0;
    for (long i = 0; i < n; i++) {
        const double *a = accel + 3 * i, *w = gyro + 3 * i;
        double dx = (uy * w[2] - uz * w[1]) * turn, dy = (uz * w[0] - ux * w[2]) * turn, dz = (ux * w[1] - uy * w[0]) * turn;
        ux += dx + 0.003 * (a[0] - ux);
        uy += dy + 0.003 * (a[1] - uy);
        uz += dz + 0.003 * (a[2] - uz);
        double size = sqrt(ux * ux + uy * uy + uz * uz);
        ux /= size, uy /= size, uz /= size;
        velocity = 0.99 * velocity + 9.80665 * (a[0] * ux + a[1] * uy + a[2] * uz - 1) / rate;
        double x = filter(&high, filter(&low, velocity));
        mean += 0.005 * (fabs(x) - mean);
        since += 1 / rate;
        if (x < -0.5 * mean) armed = 1;
        if (armed && last < 0 && x >= 0 && since > 0.3) steps++, armed = 0, since = 0;
        last = x;
        double norm = filter(&smooth, sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]));
        if (norm > *peak) *peak = norm;
    }
    return steps;
}
